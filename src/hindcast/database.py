"""The one place that finds and opens Postgres."""

from typing import TYPE_CHECKING, Any

from hindcast.errors import StoreUnavailableError, first_line
from hindcast.settings import Settings

if TYPE_CHECKING:
    import psycopg

CONNECT_TIMEOUT_SECONDS = 10


def url(settings: Settings) -> str:
    """The database to use: settings.database_url, else the server embedded in settings.home.

    Starts the embedded server when it does not run; the last process that asked for it stops
    it. Raises StoreUnavailableError with the reason when it cannot run.
    """
    if settings.database_url:
        return settings.database_url
    # The embedded server is a wheel that AWS installs do not have.
    from hindcast.embedded_postgres import server_url

    return server_url(settings.home / "postgres")


def connect(url: str, autocommit: bool = False) -> "psycopg.Connection[tuple[Any, ...]]":
    """Open a connection; raises StoreUnavailableError with a one-line reason."""
    import psycopg

    try:
        return psycopg.connect(url, autocommit=autocommit, connect_timeout=CONNECT_TIMEOUT_SECONDS)
    except psycopg.Error as error:
        raise StoreUnavailableError(f"cannot connect to Postgres: {first_line(error)}") from error
