"""The Postgres online store: load a table beside the current one, check it, swap it in, roll back.

Per feature view there is a Postgres view over its current version table. Every swap is a row of
hindcast.online_versions, which is only ever added to; a rollback is one more row.
"""

from hindcast.stores.online.store import OnlineStore
from hindcast.stores.online.versions import LoadingVersion, OnlineVersion, table_name

__all__ = ["LoadingVersion", "OnlineStore", "OnlineVersion", "table_name"]
