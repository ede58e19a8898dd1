"""Sign in to RDS by IAM: the password is a request to connect, presigned for 15 minutes.

As botocore's generate_db_auth_token makes it, which would be most of a cold start.
"""

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hindcast import names
from hindcast.errors import InputError
from hindcast.serving import tls

ALGORITHM, SERVICE, SECONDS = "AWS4-HMAC-SHA256", "rds-db", 900
_DEFAULT_PORT = "5432"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who signs, and for which region."""

    region: str
    key_id: str
    secret: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def credentials(environment: Mapping[str, str] = os.environ) -> Credentials:
    """Those that Lambda gives a function; raises InputError naming a variable that is not set."""
    region, key_id, secret = (
        _required(environment, name)
        for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    )
    return Credentials(region, key_id, secret, environment.get("AWS_SESSION_TOKEN") or None)


def token(host: str, port: str, user: str, signer: Credentials, now: datetime) -> str:
    """The password of a user at a place, valid for SECONDS from an instant on."""
    date = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{date[:8]}/{signer.region}/{SERVICE}/aws4_request"
    query = {
        "Action": "connect",
        "DBUser": user,
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{signer.key_id}/{scope}",
        "X-Amz-Date": date,
        "X-Amz-Expires": str(SECONDS),
        "X-Amz-SignedHeaders": "host",
    }
    if signer.session_token:
        query["X-Amz-Security-Token"] = signer.session_token
    place = f"{host}:{port}"
    request = (
        f"GET\n/\n{_encoded(sorted(query.items()))}\nhost:{place.lower()}\n\nhost\n{hex_digest('')}"
    )
    signed = signature(signer.secret, scope, f"{ALGORITHM}\n{date}\n{scope}\n{hex_digest(request)}")
    return f"{place}/?{_encoded(query.items())}&X-Amz-Signature={signed}"


def passwords(conninfo: str) -> Callable[[], str]:
    """What signs a token for a connection string's user and place, anew each time it is called.

    Raises InputError where the string has no host or user, or the environment no credentials.
    """
    given = conninfo_to_dict(conninfo)
    host, user = (_named(given, name) for name in ("host", "user"))
    port = str(given.get("port") or _DEFAULT_PORT)
    credentials()  # Missing ones are told at the start, not with the first question.
    return lambda: token(host, port, user, credentials(), datetime.now(UTC))


def secured(conninfo: str) -> str:
    """The connection string with the server's name verified; InputError where it allows less.

    A token is a password in clear text: it must not leave without TLS, nor to whoever answers.
    """
    given = {name: str(value) for name, value in conninfo_to_dict(conninfo).items()}
    mode = given.get("sslmode") or tls.VERIFIED
    if mode != tls.VERIFIED:
        raise InputError(
            f"{names.ENV_DATABASE_URL}: sslmode={mode} would send the IAM token to whoever "
            f"answers; use {tls.VERIFIED}"
        )
    return make_conninfo(conninfo, **tls.missing(given))


def _required(environment: Mapping[str, str], name: str) -> str:
    if not environment.get(name):
        raise InputError(
            f"{name} is not set: {names.ENV_DATABASE_AUTH}={names.DATABASE_AUTH_IAM} signs with it"
        )
    return environment[name]


def _named(given: Mapping[str, object], name: str) -> str:
    if not given.get(name):
        raise InputError(
            f"{names.ENV_DATABASE_URL} names no {name}: "
            f"{names.ENV_DATABASE_AUTH}={names.DATABASE_AUTH_IAM} signs for it"
        )
    return str(given[name])


def _encoded(query: Iterable[tuple[str, str]]) -> str:
    return urlencode(tuple(query), quote_via=quote, safe="-._~")


def signature(secret: str, scope: str, text: str) -> str:
    """AWS's signature, version 4: each part of the scope makes the next key."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _digest(key, part)
    return _digest(key, text).hex()


def _digest(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def hex_digest(text: str) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
