"""The predict Lambda signs in through a proxy that wants TLS and a fresh IAM token."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import create_engine, text

from hindcast import names, project, settings
from hindcast.bootstrap import Application
from hindcast.errors import StoreUnavailableError
from hindcast.models.registry import mlflow_store
from hindcast.serving import tls
from hindcast.serving.predictor import open_predictor
from hindcast.serving.requests import Question
from hindcast.serving.store import Database, OnlineReader
from hindcast.settings import Settings
from hindcast.stores import database
from hindcast.stores.database import connect
from hindcast.traffic import local
from tests.integration import rds_proxy, service
from tests.integration.rds_proxy import RdsProxy
from tests.unit.serving import sample_release

USER = "reader+iam"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret/+",
        "AWS_SESSION_TOKEN": "first",
        tls.VARIABLE: str(tmp_path / rds_proxy.AUTHORITY),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # It keeps the key that it had.


@pytest.fixture
def proxy(database_url: str, tmp_path: Path) -> Iterator[RdsProxy]:
    """In front of a server that knows the reader."""
    with connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(USER)))
        with rds_proxy.listening(database_url, tmp_path) as opened:
            yield opened
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(USER)))


def test_every_connection_signs_a_token_of_its_own(
    proxy: RdsProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = OnlineReader(Database(proxy.url("reader%2Biam"), by_iam=True), "SELECT 1")
    store.read(Question((1,)), datetime.now(UTC))
    monkeypatch.setenv("AWS_SESSION_TOKEN", "second")
    store.read(Question((1,)), datetime.now(UTC))
    assert len(proxy.tokens) == 1
    proxy.disconnect()
    store.read(Question((1,)), datetime.now(UTC))
    store.close()
    sessions = [token.partition("X-Amz-Security-Token=")[2][:6] for token in proxy.tokens]
    assert sessions == ["first&", "second"]


def test_a_wrong_signature_is_refused(proxy: RdsProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    store = OnlineReader(Database(proxy.url("reader%2Biam"), by_iam=True), "SELECT 1")
    monkeypatch.setattr("hindcast.serving.iam.SERVICE", "rds")
    with pytest.raises(StoreUnavailableError):
        store.read(Question((1,)), datetime.now(UTC))
    assert len(proxy.tokens) == 1


def test_without_iam_no_token_is_sent(proxy: RdsProxy) -> None:
    with pytest.raises(StoreUnavailableError):
        OnlineReader(Database(proxy.url("reader%2Biam")), "SELECT 1").read(
            Question((1,)), datetime.now(UTC)
        )
    assert proxy.tokens == []


def test_an_authority_that_rds_does_not_have_is_sent_no_token(
    proxy: RdsProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(tls.VARIABLE)
    with pytest.raises(StoreUnavailableError) as refused:
        read(proxy)
    assert "certificate verify failed" in str(refused.value.__cause__)
    assert proxy.tokens == []


def test_a_server_of_another_name_is_sent_no_token(database_url: str, tmp_path: Path) -> None:
    with rds_proxy.listening(database_url, tmp_path, address="127.0.0.2") as impostor:
        with pytest.raises(StoreUnavailableError) as refused:
            read(impostor)
        assert "does not match host name" in str(refused.value.__cause__)
        assert impostor.tokens == []


def read(proxy: RdsProxy) -> None:
    database = Database(proxy.url("reader%2Biam"), by_iam=True)
    OnlineReader(database, "SELECT 1").read(Question((1,)), datetime.now(UTC))


@pytest.mark.parametrize("url", [None, "postgresql://127.0.0.1:{port}/postgres"])
def test_a_secrets_password_is_sent_to_the_right_server_alone(
    url: str | None, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with rds_proxy.listening(database_url, tmp_path, address="127.0.0.2") as impostor:
        host, port = impostor.listener.getsockname()
        kept = {"username": USER, "password": "p", "host": host, "port": port}
        monkeypatch.setattr(database, "read_secret", lambda _: kept)
        given = {names.ENV_DATABASE_SECRET: "worker", names.ENV_DATABASE_URL: url or ""}
        places = settings.load({name: each.format(port=port) for name, each in given.items()})
        with pytest.raises(StoreUnavailableError, match="does not match host name"):
            connect(database.url(places))
        monkeypatch.delenv(tls.VARIABLE)
        with pytest.raises(StoreUnavailableError, match="certificate verify failed"):
            connect(database.url(places))
        assert impostor.tokens == []


@pytest.fixture
def url(proxy: RdsProxy, database_url: str) -> Iterator[str]:
    """Through the proxy to an online table that the reader may read."""
    with connect(database_url, autocommit=True) as connection:
        connection.execute(service.TABLE.encode())
        for grant in ("USAGE ON SCHEMA hindcast", "SELECT ON ALL TABLES IN SCHEMA hindcast"):
            connection.execute(f'GRANT {grant} TO "{USER}"'.encode())
        yield proxy.url("reader%2Biam", str(conninfo_to_dict(database_url)["dbname"]))
        connection.execute(f'DROP OWNED BY "{USER}"'.encode())


@pytest.fixture
def places(url: str, tmp_path: Path) -> Settings:
    release = sample_release.write(tmp_path / "releases")
    given = {
        names.ENV_DATABASE_URL: url,
        names.ENV_DATABASE_AUTH: names.DATABASE_AUTH_IAM,
        names.ENV_RELEASE_DIR: str(release),
    }
    return settings.load(given, home=tmp_path)


def test_the_handler_answers_through_the_proxy(proxy: RdsProxy, places: Settings) -> None:
    predictor = open_predictor(places)
    status, answer = service.Service(predictor).call("POST", "/predict", {"id": "5008827"})
    predictor.close()
    assert (status, answer["id"]) == (200, "5008827")
    assert len(proxy.tokens) == 1


def test_the_command_line_predicts_through_the_proxy(proxy: RdsProxy, places: Settings) -> None:
    application = Application(places, project.load())
    made = local.predict(application, None, ["5008827"], datetime.now(UTC))
    assert made.document["id"] == 5008827
    assert len(proxy.tokens) == 1


def test_whoever_works_signs_a_token_for_each_connection(proxy: RdsProxy, url: str) -> None:
    given = {names.ENV_DATABASE_URL: url, names.ENV_DATABASE_AUTH: names.DATABASE_AUTH_IAM}
    found = database.url(settings.load(given))
    for _ in range(2):
        with connect(found) as connection:
            assert connection.execute("SELECT current_user").fetchone() == (USER,)
    engine = create_engine(mlflow_store.sqlalchemy_url(found))
    with engine.connect() as connection:
        assert connection.execute(text("SELECT current_user")).scalar() == USER
    engine.dispose()
    assert len(proxy.tokens) == 3


def test_a_server_that_asks_for_no_token_is_refused(database_url: str) -> None:
    """It lets everybody in, as no server of RDS does."""
    with pytest.raises(StoreUnavailableError, match='"password" failed'):
        connect(f"{database_url}&password=token&require_auth=password")
