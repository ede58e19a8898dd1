"""A Postgres server for tests alone, which nothing needs to survive."""

from hindcast.stores.database import connect


def write_without_waiting(server: str) -> None:
    """Never wait for the disk, which most of the time of a test's own database was spent on."""
    with connect(server, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        connection.execute("SELECT pg_reload_conf()")
