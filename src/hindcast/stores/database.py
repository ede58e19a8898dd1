"""The one place that finds and opens Postgres."""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from hindcast import names
from hindcast.errors import InputError, StoreUnavailableError, first_line
from hindcast.serving import tls
from hindcast.settings import Settings
from hindcast.stores import aws

if TYPE_CHECKING:
    import psycopg

CONNECT_TIMEOUT_SECONDS = 10
_UNREADABLE = (
    "the database's URL cannot be read; write postgresql://user:password@host:5432/database, with "
    "%40 for an @ of the password, and the like"
)
# How IAM's tokens are asked for: as a password in clear, within TLS. A server that asks for
# anything else is refused.
_TOKEN = "password"
# What a URL may say in its query, and a secret says instead.
_OF_THE_SECRET = ("user", "password")


def url(settings: Settings) -> str:
    """The database to use: settings.database_url, else the server embedded in settings.home.

    User and password are those of settings.database_secret if one is named, read anew each time;
    without a database_url it names the place too. Starts the embedded server when it does not
    run; the last process that asked for it stops it. Raises StoreUnavailableError with the reason
    when it cannot run, and InputError for a secret that cannot be used, or IAM without a user.
    """
    if settings.database_auth == names.DATABASE_AUTH_IAM:
        return _by_iam(settings.database_url)
    if settings.database_secret:
        return _with_secret(settings.database_url, settings.database_secret)
    if settings.database_url:
        require_readable(settings.database_url)
        return settings.database_url
    # The embedded server is a wheel that AWS installs do not have.
    from hindcast.stores import embedded_postgres

    return embedded_postgres.server_url(_embedded(settings))


def kept_running(settings: Settings, told: Callable[[str], None]) -> AbstractContextManager[None]:
    """Until the with ends, start the embedded server again whenever it was killed.

    told: hears that it was, or why it cannot run. Nothing is done of a database that is configured.
    """
    if settings.database_auth or settings.database_secret or settings.database_url:
        return nullcontext()
    from hindcast.stores import embedded_postgres

    return embedded_postgres.kept_running(_embedded(settings), told)


def _embedded(settings: Settings) -> Path:
    return settings.home / "postgres"


def connect(url: str, autocommit: bool = False) -> "psycopg.Connection[tuple[Any, ...]]":
    """Open a connection; raises StoreUnavailableError with a one-line reason.

    Raises InputError for a URL that cannot be read, which is not quoted.
    """
    import psycopg

    require_readable(url)
    try:
        return psycopg.connect(
            signed(url), autocommit=autocommit, connect_timeout=CONNECT_TIMEOUT_SECONDS
        )
    except psycopg.Error as error:
        raise StoreUnavailableError(f"cannot connect to Postgres: {_reason(url, error)}") from error


def signed(url: str) -> str:
    """A URL whose user signs in by IAM, with a token for the next 15 minutes; any other as it is.

    Raises StoreUnavailableError where there is nothing to sign with.
    """
    from psycopg.conninfo import conninfo_to_dict

    given = conninfo_to_dict(url)
    if given.get("require_auth") != _TOKEN or given.get("password"):
        return url
    host, user = str(given["host"]), str(given["user"])
    with aws.one_error(f"a token for {user}"):
        client = aws.client("rds")
        token = client.generate_db_auth_token(host, int(given.get("port") or 5432), user)
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    netloc = f"{quote(user, safe='')}:{quote(token, safe='')}@{place}"
    return urlunsplit(parts._replace(netloc=netloc))


def require_readable(url: str) -> None:
    """Raise InputError for what is no URL of a database, without a word of it."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(url)
        urlsplit(url)
    except (psycopg.ProgrammingError, ValueError):
        # Without the driver's own words, and as nobody's cause: they quote the URL.
        raise InputError(_UNREADABLE) from None


def _reason(url: str, error: Exception) -> str:
    """What the driver says, unless it says something of what may be the password.

    One with an @ in it that is not written as %40 is taken for a part of the host.
    """
    reason = first_line(error)
    _, _, secret = url.partition("://")[2].rpartition("@")[0].partition(":")
    quoted = [part for part in secret.split("@")[1:] if part and part in reason]
    return _UNREADABLE if quoted else reason


def read_secret(name: str) -> Mapping[str, Any]:
    """What Secrets Manager keeps under a name or ARN, which is a JSON object.

    Raises InputError where there is none or it may not be read, StoreUnavailableError where
    Secrets Manager does not answer.
    """
    with aws.one_error(f"secret {name}"):
        found = aws.client("secretsmanager", aws.region_of(name)).get_secret_value(SecretId=name)
    try:
        secret = json.loads(found["SecretString"])
    except (KeyError, ValueError):  # Without the parser's own words: they might quote it.
        secret = None
    if not isinstance(secret, dict):
        raise InputError(f"secret {name}: it is not JSON with a username and a password")
    return secret


def _by_iam(url: str | None) -> str:
    """A URL that says how its user signs in: the token is made when it connects, see `signed`."""
    if not url or not urlsplit(url).username:
        raise InputError(
            f"{names.ENV_DATABASE_AUTH}={names.DATABASE_AUTH_IAM} needs {names.ENV_DATABASE_URL} "
            "with a user, postgresql://user@host:5432/database"
        )
    require_readable(url)
    parts, (_, _, query) = urlsplit(url), _parts(url)
    if dict(parse_qsl(query))["sslmode"] != tls.VERIFIED:
        raise InputError(f"{names.ENV_DATABASE_URL}: a token takes sslmode={tls.VERIFIED}")
    return urlunsplit(parts._replace(query=f"{query}&require_auth={_TOKEN}"))


def _with_secret(url: str | None, name: str) -> str:
    """A URL with a secret's user and password, and its place where no URL is given."""
    secret = read_secret(name)
    needed = ("username", "password") if url else ("username", "password", "host")
    missing = [field for field in needed if not secret.get(field)]
    if missing:
        raise InputError(f"secret {name}: it has no {', '.join(missing)}")
    user, password = (quote(str(secret[field]), safe="") for field in needed[:2])
    place, database, query = _parts(url) if url else _place(secret)
    return f"postgresql://{user}:{password}@{place}/{database}?{query}"


def _place(secret: Mapping[str, Any]) -> tuple[str, str, str]:
    """Host and port, database and query by the fields that RDS writes."""
    database = quote(str(secret.get("dbname") or "postgres"), safe="")
    place = f"{quote(str(secret['host']), safe='')}:{secret.get('port') or 5432}"
    return place, database, urlencode(tls.missing({}))


def _parts(url: str) -> tuple[str, str, str]:
    """Host and port, database and query of a URL, without any user or password in it."""
    parts = urlsplit(url)
    if parts.scheme not in ("postgresql", "postgres"):
        raise InputError(
            f"{names.ENV_DATABASE_URL}: {names.ENV_DATABASE_SECRET} needs it as a URL, "
            "postgresql://..."
        )
    kept = [pair for pair in parts.query.split("&") if pair.partition("=")[0] not in _OF_THE_SECRET]
    added = urlencode(tls.missing(dict(parse_qsl(parts.query))))
    query = "&".join(filter(None, [*kept, added]))
    return parts.netloc.rpartition("@")[2], parts.path.lstrip("/"), query
