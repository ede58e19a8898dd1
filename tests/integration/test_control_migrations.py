"""A database from nothing to what this version needs, by an administrator who is no superuser."""

import json
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from moto import mock_aws

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.datatypes import DataType
from hindcast.errors import HindcastError, InputError, NotFoundError, StoreUnavailableError
from hindcast.models.registry import mlflow_store
from hindcast.operations.migrations import Migrated, migrate
from hindcast.operations.users import FUNCTIONS
from hindcast.stores.database import connect
from hindcast.stores.ledger.tables import REVISION
from hindcast.stores.online import OnlineStore, ViewVersion
from lambdas.control.handler import handler
from tests.integration import lending
from tests.integration.migrating import CHANGING, SECRET, application, publish, read, secret
from tests.integration.rds import ADMINISTRATOR, SUPERUSER, Server, as_user, server

REGION = "eu-west-1"
READER, WORKER = names.DATABASE_READER, names.DATABASE_WORKER
# Of what quoting, logging and formatting trip over.
PASSWORD = "cörrect 'horse\" %s\\"


@pytest.fixture(scope="module", autouse=True)
def secrets() -> Iterator[Any]:
    """Secrets Manager's client; it keeps the worker's first password."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_REGION", REGION)
        client = boto3.client("secretsmanager", region_name=REGION)
        client.create_secret(Name=SECRET, SecretString=secret("first"))
        yield client


@pytest.fixture(scope="module")
def rds() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="hindcast-") as folder, server(Path(folder)) as found:
        yield found


@pytest.fixture(scope="module")
def migrated(rds: Server) -> tuple[str, Migrated]:
    """A database that was empty, for its administrator, and what was done to it."""
    url = rds.database()
    return url, migrate(application(url))


@pytest.fixture
def url(migrated: tuple[str, Migrated]) -> str:
    return migrated[0]


def test_everything_is_made_from_nothing(migrated: tuple[str, Migrated]) -> None:
    _, report = migrated
    assert f"schema ledger at revision {REVISION}" in report.added
    assert {"schema hindcast", "schema mlflow", f"user {READER}", f"user {WORKER}"} <= {
        *report.added
    }
    assert f"{READER} is a member of rds_iam" in report.added
    assert {f"user {user}" for user in FUNCTIONS} <= {*report.added}
    assert {f"{user} is a member of rds_iam" for user in FUNCTIONS} <= {*report.added}
    assert report.removed == ()
    assert report.renewed == (f"password of {WORKER}, from secret {SECRET}",)


def test_again_it_changes_nothing_but_the_password(url: str) -> None:
    assert migrate(application(url)) == Migrated(
        (), (), (f"password of {WORKER}, from secret {SECRET}",)
    )


def test_a_superuser_makes_the_same(rds: Server, migrated: tuple[str, Migrated]) -> None:
    report = migrate(application(rds.database(SUPERUSER)))
    words = ("user ", " of ", " begins with ")  # What all databases of a server have.
    of_server = {line for line in migrated[1].added if any(word in line for word in words)}
    of_server = {line for line in of_server if "relations" not in line}
    assert {*report.added} == {*migrated[1].added} - of_server


def test_the_lambda_migrates_and_says_what_it_did(
    rds: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(names.ENV_DATABASE_URL, rds.database())
    monkeypatch.setenv(names.ENV_WORKER_SECRET, SECRET)
    report = handler({"action": "migrate"}, None)
    assert "schema hindcast" in json.loads(json.dumps(report))["added"]
    assert handler({"action": "migrate"}, None)["added"] == []


def test_runs_at_once_do_not_get_in_each_others_way(rds: Server) -> None:
    url = rds.database()
    with ThreadPoolExecutor(3) as pool:
        reports = list(pool.map(lambda _: migrate(application(url)), range(3)))
    assert sorted(bool(report.added) for report in reports) == [False, False, True]


def test_an_older_mlflow_is_upgraded(rds: Server) -> None:
    from alembic import command
    from alembic.script import ScriptDirectory
    from mlflow.store.tracking.dbmodels.initial_models import Base

    utils: Any = import_module("mlflow.store.db.utils")

    url = rds.database()
    with connect(url) as session:
        session.execute("CREATE SCHEMA mlflow")
    config = utils._get_alembic_config("")
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head()
    assert head
    older = str(scripts.get_revision(head).down_revision)
    engine = utils.create_sqlalchemy_engine_with_retry(mlflow_store.sqlalchemy_url(url))
    Base.metadata.create_all(engine)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, older)
    engine.dispose()
    report = migrate(application(url))
    assert f"schema mlflow at revision {older}" in report.removed
    assert f"schema mlflow at revision {head}" in report.added


def test_a_view_of_other_columns_is_read_as_well(url: str) -> None:
    with OnlineStore(as_user(url, WORKER)) as store:
        for run, more in (("a", {}), ("b", {"age": DataType("bigint")})):
            publish(store, run, more)
            assert read(url, CHANGING) == [1]


def test_what_the_administrator_loaded_before_is_handed_over(rds: Server, tmp_path: Path) -> None:
    url = rds.database()
    view = lending.view_of(tmp_path / "project")
    lake = lending.lake_of(tmp_path / "home", view)
    lending.published(view, lake, url)
    assert f"{WORKER} owns 3 relations of hindcast" in migrate(application(url)).added
    lending.published(view, lake, as_user(url, WORKER), lending.APRIL + timedelta(days=1))
    assert read(url, ViewVersion.of(view)) == [1]


@pytest.mark.parametrize("relation", ["ledger.runs", "mlflow.runs", "hindcast.online_versions"])
def test_the_reader_reads_online_tables_only(url: str, relation: str) -> None:
    with connect(as_user(url, WORKER)) as session:
        session.execute(f"TABLE {relation}".encode())
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with connect(as_user(url, READER)) as session, refused:
        session.execute(f"TABLE {relation}".encode())


def test_the_reader_waits_for_nobody_and_leaves_no_large_object(url: str) -> None:
    with connect(as_user(url, READER), autocommit=True) as session:
        limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
        found = [session.execute(f"SHOW {limit}".encode()).fetchone() for limit in limits]
        assert found == [("1s",), ("500ms",), ("5s",)]
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            session.execute("SELECT lo_create(0)")


def test_the_reader_writes_nothing(url: str) -> None:
    with OnlineStore(as_user(url, WORKER)) as store:
        publish(store, "c", {})
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with connect(as_user(url, READER), autocommit=True) as session, refused:
        session.execute("SET default_transaction_read_only = off")
        session.execute(f"DELETE FROM hindcast.{CHANGING.relation}".encode())


def test_the_password_follows_the_secret_at_each_run(
    rds: Server, url: str, secrets: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rds.let_in(f"local all {WORKER} scram-sha-256")
    with connect(as_user(rds.url, SUPERUSER), autocommit=True) as session:
        session.execute("ALTER SYSTEM SET log_statement = 'all'")
        session.execute("SELECT pg_reload_conf()")
    monkeypatch.setenv("PGPASSWORD", "first")
    connect(as_user(url, WORKER)).close()
    secrets.put_secret_value(SecretId=SECRET, SecretString=secret(PASSWORD))
    migrate(application(url))
    with pytest.raises(StoreUnavailableError, match="password authentication failed"):
        connect(as_user(url, WORKER))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    connect(as_user(url, WORKER)).close()
    log = (rds.data / "server.log").read_text()
    assert f'ALTER ROLE "{WORKER}" PASSWORD' in log
    assert "horse" not in log
    rds.let_in(f"local all {WORKER} trust")


def test_the_administrator_is_not_let_in_as_the_reader_is(rds: Server, url: str) -> None:
    """RDS matches members of rds_iam, the reader's among them, before it looks at passwords."""
    rds.let_in(f"local all +{READER} reject")
    with connect(url) as session:
        session.execute("SELECT 1")
    with pytest.raises(StoreUnavailableError, match="rejects connection"):
        connect(as_user(url, READER))
    rds.let_in(f"local all {READER} trust")


def test_a_server_without_iam_is_refused_before_anything_is_made(rds: Server) -> None:
    url = rds.database()
    rds.rename("rds_iam", "hidden")
    try:
        with pytest.raises(HindcastError, match="no role rds_iam, by which hindcast_reader signs"):
            migrate(application(url))
    finally:
        rds.rename("hidden", "rds_iam")
    with connect(url) as session:
        assert session.execute("SELECT to_regnamespace('ledger')").fetchone() == (None,)


def test_who_may_not_administer_is_told(rds: Server, url: str) -> None:
    other = rds.database(SUPERUSER)
    with pytest.raises(HindcastError, match="this user may not: permission denied") as error:
        migrate(application(as_user(other, WORKER)))
    assert "\n" not in str(error.value)


def test_grants_that_are_not_the_administrators_to_make_are_told(rds: Server, url: str) -> None:
    other = rds.database(SUPERUSER)
    with connect(other) as session:
        session.execute("CREATE SCHEMA mlflow")
        session.execute(f"GRANT ALL ON SCHEMA mlflow TO {ADMINISTRATOR}".encode())
        session.execute(
            f"GRANT CREATE ON DATABASE {session.info.dbname} TO {ADMINISTRATOR}".encode()
        )
    with pytest.raises(
        HindcastError, match='no privileges were granted for "mlflow"; have its own'
    ):
        migrate(application(as_user(other, ADMINISTRATOR)))


@pytest.mark.parametrize(
    ("name", "kept", "message"),
    [
        (None, None, f"{names.ENV_WORKER_SECRET} is not set"),
        ("absent", None, "secret absent: .*ResourceNotFound"),
        ("other", secret("x", "someone"), f"secret other: it needs .* username {WORKER}"),
        ("empty", secret(""), "secret empty: it needs a password"),
    ],
)
def test_a_secret_that_is_not_the_workers_is_refused(
    url: str, secrets: Any, name: str | None, kept: str | None, message: str
) -> None:
    if kept:
        secrets.create_secret(Name=name, SecretString=kept)
    app = application(url)
    places = replace(app.settings, worker_secret=name)
    with pytest.raises((InputError, NotFoundError), match=message):
        migrate(Application(places, app.project))
