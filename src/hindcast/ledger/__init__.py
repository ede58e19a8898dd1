"""The ledger: what ran, what was released, what was in production when; only ever added to.

Postgres itself refuses changes, by triggers and by privileges (migrations/versions). The one room
of SQLAlchemy and Alembic; import it where it is needed, for they take their time to load.
"""

from hindcast.ledger.ledger import Ledger
from hindcast.ledger.records import Evaluation, Promotion, ReleaseRecord, Run, previous
from hindcast.ledger.runs import OpenRun

__all__ = ["Evaluation", "Ledger", "OpenRun", "Promotion", "ReleaseRecord", "Run", "previous"]
