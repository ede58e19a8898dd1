"""Signing in by IAM: botocore's own token, byte for byte, and one error for what is missing."""

from datetime import UTC, datetime, timedelta, timezone

import boto3
import pytest
from psycopg.conninfo import conninfo_to_dict

from hindcast.errors import InputError
from hindcast.serving import iam, tls
from hindcast.serving.iam import Credentials

NOW = datetime(2026, 11, 30, 23, 59, 59, 987_654, UTC)
HOST = "hindcast-proxy.proxy-abcdefghijkl.eu-central-1.rds.amazonaws.com"
URL = f"postgresql://hindcast_reader@{HOST}:5432/hindcast?sslmode=verify-full"
SESSION = "IQoJb3JpZ2luX2VjEJr//////////wEaDGV1LWNlbnRyYWwtMSJ+/A==" * 12
USERS = ("hindcast_reader", "Mixed Case", "a+b&c=d/e?f", "100%", "jürgen", "~tilde.dot-dash", "'\"")
ENVIRONMENT = {
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
}


def botocores(
    monkeypatch: pytest.MonkeyPatch, signer: Credentials, host: str, port: str, user: str
) -> str:
    """The token that AWS's own client makes at NOW."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: NOW.replace(tzinfo=None))
    client = boto3.client(
        "rds",
        region_name=signer.region,
        aws_access_key_id=signer.key_id,
        aws_secret_access_key=signer.secret,
        aws_session_token=signer.session_token,
    )
    return str(client.generate_db_auth_token(host, int(port), user))


@pytest.mark.parametrize("session", [None, SESSION], ids=["user", "role"])
@pytest.mark.parametrize("user", USERS)
def test_a_token_is_the_one_that_botocore_makes(
    monkeypatch: pytest.MonkeyPatch, user: str, session: str | None
) -> None:
    signer = iam.credentials({**ENVIRONMENT, "AWS_SESSION_TOKEN": session or ""})
    found = iam.token(HOST, "5432", user, signer, NOW)
    assert found == botocores(monkeypatch, signer, HOST, "5432", user)


@pytest.mark.parametrize("place", [("Mixed-Case.Example.COM", "6543"), ("127.0.0.1", "5433")])
def test_any_place_is_signed_for_as_botocore_does(
    monkeypatch: pytest.MonkeyPatch, place: tuple[str, str]
) -> None:
    signer = iam.credentials(ENVIRONMENT)
    found = iam.token(*place, "reader", signer, NOW)
    assert found == botocores(monkeypatch, signer, *place, "reader")


def test_the_instant_counts_and_not_its_time_zone() -> None:
    signer = iam.credentials(ENVIRONMENT)
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
    here, there = (iam.token(HOST, "5432", "reader", signer, at) for at in (NOW, elsewhere))
    assert here == there
    assert "X-Amz-Date=20261130T235959Z&X-Amz-Expires=900" in here


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_a_variable_that_is_missing_or_empty_is_named(name: str) -> None:
    without = {key: value for key, value in ENVIRONMENT.items() if key != name}
    for environment in (without, {**ENVIRONMENT, name: ""}):
        with pytest.raises(InputError) as raised:
            iam.credentials(environment)
        assert str(raised.value) == f"{name} is not set: HINDCAST_DATABASE_AUTH=iam signs with it"


def test_credentials_do_not_show_what_is_secret() -> None:
    shown = repr(iam.credentials({**ENVIRONMENT, "AWS_SESSION_TOKEN": SESSION}))
    assert "wJalr" not in shown
    assert "IQoJ" not in shown


def test_each_password_is_signed_with_the_credentials_of_its_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    password = iam.passwords(URL)
    for session in ("first", "second"):
        monkeypatch.setenv("AWS_SESSION_TOKEN", session)
        assert f"&X-Amz-Security-Token={session}&" in password()
    assert password().startswith(f"{HOST}:5432/?Action=connect&DBUser=hindcast_reader&")


@pytest.mark.parametrize(
    ("url", "missing"),
    [("postgresql://reader@/db", "host"), (f"postgresql://{HOST}/db", "user")],
)
def test_a_url_without_what_is_signed_for_is_refused(url: str, missing: str) -> None:
    with pytest.raises(InputError, match=f"HINDCAST_DATABASE_URL names no {missing}"):
        iam.passwords(url)


@pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require", "verify-ca"])
def test_a_token_is_never_sent_to_whoever_answers(mode: str) -> None:
    with pytest.raises(InputError, match=f"sslmode={mode} would send the IAM token to whoever"):
        iam.secured(f"postgresql://reader@{HOST}/db?sslmode={mode}")


def test_the_servers_name_is_verified_by_the_authorities_of_rds() -> None:
    found = conninfo_to_dict(iam.secured(f"postgresql://reader@{HOST}/db"))
    assert (found["sslmode"], found["sslrootcert"]) == ("verify-full", str(tls.AUTHORITIES))


def test_an_authority_that_is_named_is_the_only_one() -> None:
    own = "/own/ca.pem"
    url = f"postgresql://reader@{HOST}/db?sslrootcert={own}"
    assert conninfo_to_dict(iam.secured(url))["sslrootcert"] == own
    assert tls.missing({}, {tls.VARIABLE: own}) == {"sslmode": "verify-full"}
