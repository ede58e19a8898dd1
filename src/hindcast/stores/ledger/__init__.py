"""The ledger: what ran, what was released, what was in production when; only ever added to.

Postgres itself refuses changes, by triggers and by privileges (migrations/versions). The one room
of SQLAlchemy and Alembic; import it where it is needed, for they take their time to load.
"""

from hindcast.stores.ledger.heartbeats import LOST
from hindcast.stores.ledger.ledger import Ledger
from hindcast.stores.ledger.outbox import Due, Outbox
from hindcast.stores.ledger.records import (
    Action,
    Damage,
    Delivery,
    Ending,
    Evaluation,
    Event,
    EventType,
    Head,
    Job,
    JobSchedule,
    Outcome,
    Promotion,
    ReleaseRecord,
    Run,
    Subscription,
    Work,
    previous,
)
from hindcast.stores.ledger.runs import OpenRun

__all__ = [
    "LOST",
    "Action",
    "Damage",
    "Delivery",
    "Due",
    "Ending",
    "Evaluation",
    "Event",
    "EventType",
    "Head",
    "Job",
    "JobSchedule",
    "Ledger",
    "OpenRun",
    "Outbox",
    "Outcome",
    "Promotion",
    "ReleaseRecord",
    "Run",
    "Subscription",
    "Work",
    "previous",
]
