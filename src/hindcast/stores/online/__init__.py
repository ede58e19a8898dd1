"""The Postgres online store: load a table beside the current one, check it, swap it in, roll back.

Per version of a feature view (its name and definition hash) there is a Postgres view over its
current table; a release reads the version it was trained on. Every swap is a row of
hindcast.online_versions, which is only ever added to; a rollback is one more row.
"""

from hindcast.stores.online.store import OnlineStore
from hindcast.stores.online.versions import LoadingTable, Swap, ViewVersion

__all__ = ["LoadingTable", "OnlineStore", "Swap", "ViewVersion"]
