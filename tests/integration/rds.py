"""A server as RDS sets one up: an administrator who is no superuser, and the role of IAM."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from hindcast.stores import embedded_postgres
from hindcast.stores.database import connect
from tests.postgres import write_without_waiting

ADMINISTRATOR, SUPERUSER = "hindcast_admin", "postgres"
_LIKE_RDS = """
CREATE ROLE rds_iam NOLOGIN;
CREATE ROLE rds_superuser NOLOGIN;
GRANT rds_iam TO rds_superuser WITH ADMIN OPTION, INHERIT FALSE, SET FALSE;
CREATE ROLE hindcast_admin LOGIN CREATEROLE CREATEDB IN ROLE rds_superuser
"""


@dataclass(frozen=True)
class Server:
    """A Postgres server of its own, for users belong to a whole server."""

    url: str
    data: Path
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def database(self, owner: str = ADMINISTRATOR) -> str:
        """URL of a new database, for the owner."""
        name = f"database_{next(self.numbers)}"
        with connect(self.url, autocommit=True) as session:
            session.execute(f"CREATE DATABASE {name} OWNER {owner}".encode())
        return as_user(self.url.replace(":///postgres?", f":///{name}?"), owner)

    def rename(self, role: str, name: str) -> None:
        """Give a role another name."""
        with connect(self.url) as session:
            session.execute(f"ALTER ROLE {role} RENAME TO {name}".encode())

    def let_in(self, *rules: str) -> None:
        """Put rules before those by which users are let in (pg_hba.conf)."""
        path = self.data / "pg_hba.conf"
        path.write_text("".join(f"{rule}\n" for rule in rules) + path.read_text())
        with connect(self.url, autocommit=True) as session:
            session.execute("SELECT pg_reload_conf()")


def as_user(url: str, user: str) -> str:
    """The URL of another user of the same database."""
    return re.sub(r"user=\w+", f"user={user}", url)


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """A server that is stopped in the end."""
    data = folder / "postgres"
    try:
        url = embedded_postgres.server_url(data)
        with connect(url) as session:
            session.execute(_LIKE_RDS.encode())
        write_without_waiting(url)
        yield Server(url, data)
    finally:
        embedded_postgres.stop(data)
