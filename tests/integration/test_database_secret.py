"""The database's user and password come from Secrets Manager, whatever characters they are of."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pyarrow as pa
import pytest
from moto import mock_aws
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from hindcast import names, settings
from hindcast.datatypes import DataType
from hindcast.errors import InputError, StoreUnavailableError
from hindcast.models.registry.registry import ModelRegistry
from hindcast.serving import tls
from hindcast.settings import Settings
from hindcast.stores import database
from hindcast.stores.ledger import Ledger
from hindcast.stores.online import OnlineStore, ViewVersion

USER = "worker@job:1/2"
PASSWORDS = ("p@ss:w/o?r#d%20+ &=[]\\'\"$~", "%", "ünï©ode 🗝", " leading and trailing ")
RDS = {"engine": "postgres", "host": "db.example", "port": 6543, "dbname": "hindcast"}


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Secrets Manager's client."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    # As in a SageMaker job, which has not what boto3 looks for.
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    with mock_aws():
        yield boto3.client("secretsmanager", region_name="eu-west-1")


@pytest.fixture
def configured(secrets: Any, tmp_path: Path) -> Settings:
    """Settings that name the secret `worker`."""
    keep(secrets, RDS)
    return replace(settings.load({}, home=tmp_path), database_secret="worker")


def keep(secrets: Any, place: dict[str, Any], password: str = PASSWORDS[0]) -> str:
    """Put the secret `worker`; its ARN."""
    text = json.dumps({**place, "username": USER, "password": password})
    if secrets.list_secrets()["SecretList"]:
        return str(secrets.put_secret_value(SecretId="worker", SecretString=text)["ARN"])
    return str(secrets.create_secret(Name="worker", SecretString=text)["ARN"])


@pytest.fixture
def guarded(database_url: str) -> Iterator[str]:
    """A database whose server asks the worker for a password."""
    name = sql.Identifier(USER)
    file = Path(str(conninfo_to_dict(database_url)["host"])) / "pg_hba.conf"
    with database.connect(database_url, autocommit=True) as connection:
        before = file.read_text()
        file.write_text(f'local all "{USER}" scram-sha-256\n{before}')
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        connection.execute(
            sql.SQL("GRANT ALL ON DATABASE {} TO {}").format(_database(url=database_url), name)
        )
        connection.execute("SELECT pg_reload_conf()")
        yield database_url
        file.write_text(before)
        connection.execute("SELECT pg_reload_conf()")
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))


def _database(url: str) -> sql.Identifier:
    return sql.Identifier(str(conninfo_to_dict(url)["dbname"]))


def set_password(url: str, password: str) -> None:
    statement = sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(USER), password)
    with database.connect(url) as connection:
        connection.execute(statement)


def grant(url: str, role: str) -> None:
    statement = sql.SQL("GRANT {} TO {}").format(sql.Identifier(role), sql.Identifier(USER))
    with database.connect(url) as connection:
        connection.execute(statement)


@pytest.mark.parametrize("password", PASSWORDS)
def test_libpq_reads_the_url_as_it_was_meant(
    configured: Settings, secrets: Any, password: str
) -> None:
    keep(secrets, RDS, password)
    assert conninfo_to_dict(database.url(configured)) == {
        "user": USER,
        "password": password,
        "host": "db.example",
        "port": "6543",
        "dbname": "hindcast",
        "sslmode": "verify-full",
        "sslrootcert": str(tls.AUTHORITIES),
    }


def test_the_place_is_that_of_the_url_where_one_is_given(configured: Settings) -> None:
    given = "postgresql://someone:else@elsewhere:1/it?connect_timeout=3&sslmode=verify-full"
    found = conninfo_to_dict(database.url(replace(configured, database_url=given)))
    assert found == {
        "user": USER,
        "password": PASSWORDS[0],
        "host": "elsewhere",
        "port": "1",
        "dbname": "it",
        "connect_timeout": "3",
        "sslmode": "verify-full",
        "sslrootcert": str(tls.AUTHORITIES),
    }


def test_a_secret_of_rds_itself_has_no_place(configured: Settings, secrets: Any) -> None:
    keep(secrets, {})
    with pytest.raises(InputError, match="secret worker: it has no host"):
        database.url(configured)
    given = replace(configured, database_url="postgresql://db:5432/hindcast")
    assert conninfo_to_dict(database.url(given))["host"] == "db"


@pytest.mark.parametrize("password", PASSWORDS)
def test_postgres_lets_the_worker_in(
    configured: Settings, secrets: Any, guarded: str, password: str
) -> None:
    keep(secrets, RDS, password)
    set_password(guarded, password)
    url = database.url(replace(configured, database_url=guarded))
    with database.connect(url) as connection:
        assert connection.execute("SELECT current_user").fetchone() == (USER,)
    with pytest.raises(StoreUnavailableError, match="password"):
        database.connect(guarded.replace("user=postgres", "user=worker%40job%3A1%2F2"))


def test_everything_that_opens_the_database_reads_that_url(
    configured: Settings, guarded: str, tmp_path: Path
) -> None:
    set_password(guarded, PASSWORDS[0])
    Ledger(guarded).migrate()
    grant(guarded, names.LEDGER_WRITER)
    url = database.url(replace(configured, database_url=guarded))
    assert Ledger(url).releases() == []
    ModelRegistry(url, str(tmp_path)).prepare()
    with OnlineStore(url) as store:
        version = ViewVersion("view", "hash")
        loading = store.create_table(version, "run1", ["id"], {"id": DataType("bigint")})
        rows = pa.table({"id": pa.array([1, 2], pa.int64())})
        assert store.load(loading.table, rows.to_reader()) == 2


def test_a_rotated_password_is_read_anew(configured: Settings, secrets: Any, guarded: str) -> None:
    given = replace(configured, database_url=guarded)
    for password in ("before", "after"):
        keep(secrets, RDS, password)
        set_password(guarded, password)
        database.connect(database.url(given)).close()


def test_an_arn_names_its_own_region(configured: Settings) -> None:
    elsewhere = boto3.client("secretsmanager", region_name="us-west-2")
    arn = keep(elsewhere, RDS, "there")
    found = database.url(replace(configured, database_secret=arn))
    assert conninfo_to_dict(found)["password"] == "there"


@pytest.mark.parametrize("text", ["secret words", '"secret words"', "[1]"])
def test_a_secret_that_is_no_document_is_refused_without_being_told(
    configured: Settings, secrets: Any, text: str
) -> None:
    secrets.put_secret_value(SecretId="worker", SecretString=text)
    with pytest.raises(InputError) as raised:
        database.url(configured)
    assert str(raised.value) == "secret worker: it is not JSON with a username and a password"


def test_a_secret_that_is_not_there_is_named(configured: Settings) -> None:
    with pytest.raises(InputError, match=r"secret absent: .*ResourceNotFound"):
        database.url(replace(configured, database_secret="absent"))


def test_without_a_region_the_error_says_so(
    configured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_REGION")
    with pytest.raises(StoreUnavailableError, match="secret worker: You must specify a region"):
        database.url(configured)


def test_a_secret_needs_a_url_that_can_be_taken_apart(configured: Settings) -> None:
    with pytest.raises(InputError, match="HINDCAST_DATABASE_SECRET needs it as a URL"):
        database.url(replace(configured, database_url="host=db dbname=hindcast"))


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "iam needs HINDCAST_DATABASE_URL with a user"),
        ("postgresql://host/db", "iam needs HINDCAST_DATABASE_URL with a user"),
        ("postgresql://me@host/db?sslmode=require", "a token takes sslmode=verify-full"),
    ],
)
def test_iam_needs_a_user_and_a_server_that_is_verified(
    configured: Settings, url: str | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        database.url(replace(configured, database_auth="iam", database_url=url))
