"""The predict function as Lambda runs it: API Gateway's events, pings, a lost database, bad starts.

It signs in by IAM, to a proxy that wants TLS, as the user that its template names, who only reads.
"""

import json
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from psycopg import sql

from hindcast import names
from hindcast.stores import embedded_postgres
from tests.e2e import emulator
from tests.e2e.emulator import Function, FunctionError
from tests.e2e.functions import KEYS, LINE_KEYS, PREDICT, Places, started
from tests.e2e.gateway import ask
from tests.e2e.machine import Execution
from tests.integration import moto_aws
from tests.integration.rds_proxy import RdsProxy, listening
from tests.integration.service import FEATURES, TABLE
from tests.unit.serving import sample_release

pytestmark = pytest.mark.skipif(bool(emulator.missing()), reason=str(emulator.missing()))
KNOWN, OTHER, UNKNOWN = 5008827, "5008804", 99
READER = """
CREATE ROLE {reader} LOGIN;
GRANT USAGE ON SCHEMA {schema} TO {reader};
GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {reader};
"""


@dataclass
class Database:
    """A Postgres that tests stop and start, and the proxy in front of it."""

    data: Path
    proxy: RdsProxy

    @property
    def address(self) -> str:
        return "{}:{}".format(*self.proxy.listener.getsockname())

    def stop(self) -> None:
        embedded_postgres.stop(self.data)

    def start(self) -> None:
        self.proxy.server = embedded_postgres.server_url(self.data)


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """The online store of `service.TABLE`, which its reader can do nothing to but read."""
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-") as folder,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in emulator.CREDENTIALS.items():
            patch.setenv(name, value)  # For the proxy, which signs as the function should.
        data = Path(folder) / "postgres"
        _fill(embedded_postgres.server_url(data))
        with listening("", Path(folder)) as proxy:
            opened = Database(data, proxy)
            opened.start()
            yield opened
        opened.stop()


def _fill(server: str) -> None:
    name = sql.Identifier(names.DATABASE_NAME)
    with psycopg.connect(server, autocommit=True) as session:
        session.execute(sql.SQL("CREATE DATABASE {}").format(name))
    with psycopg.connect(server, dbname=names.DATABASE_NAME, autocommit=True) as session:
        session.execute(TABLE)
        reader, schema = map(sql.Identifier, (names.DATABASE_READER, names.ONLINE_SCHEMA))
        session.execute(sql.SQL(READER).format(reader=reader, schema=schema))


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sample_release.write(tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Where Secrets Manager answers, with the keys that lines are tagged by."""
    with moto_aws.account() as url:
        here = {"region_name": emulator.REGION, "endpoint_url": url}
        client = boto3.client(
            "secretsmanager", aws_access_key_id="test", aws_secret_access_key="test", **here
        )
        client.create_secret(Name=LINE_KEYS, SecretString=json.dumps(KEYS))
        yield url


@pytest.fixture(scope="module")
def places(database: Database, aws: str, release: Path) -> Places:
    authority = database.proxy.authority
    return Places(release.parent, database.address, aws, release, authority=authority)


@pytest.fixture(scope="module")
def predict(places: Places) -> Iterator[Function]:
    with started(PREDICT, places) as running:
        yield running


@pytest.fixture(scope="module")
def ping() -> Any:
    """What the state machine sends to a new version before anybody else does."""
    return Execution("rebuild-credit_risk", "any", {}).payload("WakeFunction")


def test_the_machine_tries_a_version_by_a_question_that_is_known(
    predict: Function, release: Path
) -> None:
    execution = Execution("rebuild-credit_risk", "any", {})
    bodies = [json.dumps({"id": KNOWN})]
    execution.variables["questions"] = {"path": "/predict", "bodies": bodies}
    found = execution.task("TryAnswer", predict)
    assert (found["asked"], found["failed"], found["release"]) == (1, 0, release.name)


def test_an_id_comes_back_as_a_prediction(predict: Function, release: Path) -> None:
    answer = ask(predict, "POST", "/predict", {"id": str(KNOWN)})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == ["application/json"]
    assert answer.document["id"] == str(KNOWN)
    assert answer.document["prediction"] == 1
    assert 0.5 < answer.document["probability"] < 1
    assert answer.document["release"] == release.name
    assert answer.document["features_as_of"] == "2021-09-17T00:00:00+00:00"


def test_a_batch_keeps_its_order_and_refuses_id_by_id(predict: Function) -> None:
    answer = ask(predict, "POST", "/predict/batch", {"ids": [OTHER, UNKNOWN, True, KNOWN]})
    found = answer.document["predictions"]
    assert answer.status == 200
    assert [one["id"] for one in found] == [OTHER, UNKNOWN, None, KNOWN]
    assert ["probability" in one for one in found] == [True, False, False, True]


def test_features_are_of_the_path(predict: Function, release: Path) -> None:
    answer = ask(predict, "GET", "/features/{key}", key=str(KNOWN))
    assert answer.status == 200
    assert answer.document["features"].keys() == FEATURES.keys()
    assert answer.document["features"]["income"] == FEATURES["income"]
    assert (answer.document["materialization"], answer.document["release"]) == (
        "run1",
        release.name,
    )


def test_features_of_the_caller_are_scored(predict: Function) -> None:
    one = ask(predict, "POST", "/score", {"features": FEATURES})
    many = ask(predict, "POST", "/score", {"instances": [FEATURES, dict.fromkeys(FEATURES)]})
    assert (one.status, many.status) == (200, 200)
    probabilities = [found["probability"] for found in many.document["predictions"]]
    assert probabilities == [one.document["probability"], 0.5]


def test_it_is_in_health(predict: Function, release: Path) -> None:
    answer = ask(predict, "GET", "/health")
    expected = {"status": "ok", "release": release.name, "database": "ok", "features": "ok"}
    assert (answer.status, answer.document) == (200, expected)


@pytest.mark.parametrize(
    ("route", "body", "status", "field"),
    [
        ("POST /predict", '{"id": ', 400, "body"),
        ("POST /predict", None, 400, "body"),
        ("POST /predict", {"id": UNKNOWN}, 404, "id"),
        ("POST /predict", {"id": True}, 422, "id"),
        ("POST /predict", {"id": "1; DROP TABLE x"}, 422, "id"),
        ("POST /predict", {}, 422, "id"),
        ("POST /predict/batch", {"ids": "5008827"}, 422, "ids"),
        ("POST /predict/batch", {"ids": [KNOWN] * 1001}, 413, "ids"),
        ("GET /features/{key}", None, 404, "id"),
        ("POST /score", {"features": {**FEATURES, "age": "41"}}, 422, "features.age"),
        ("POST /nothing", {}, 404, "path"),
    ],
)
def test_what_cannot_be_answered_is_told_why(
    predict: Function, route: str, body: Any, status: int, field: str
) -> None:
    method, resource = route.split()
    path = {"key": str(UNKNOWN)} if "{key}" in resource else {}
    answer = ask(predict, method, resource, body, **path)
    assert (answer.status, answer.document["error"]["field"]) == (status, field)


def test_each_answer_leaves_a_line(places: Places) -> None:
    with started(PREDICT, places) as own:
        answer = ask(own, "POST", "/predict", {"id": KNOWN})
        [line] = [line for line in own.lines if line.get("message") == names.PREDICTION_MESSAGE]
    assert line["prediction_id"] == answer.document["prediction_id"]
    assert line["function_name"] == "hindcast-staging-predict-credit_risk"
    assert line["cold_start"] is True


def test_metrics_are_of_the_service_and_its_release(predict: Function, release: Path) -> None:
    ask(predict, "POST", "/predict", {"id": UNKNOWN})
    metrics = [line for line in predict.lines if "_aws" in line][-1]
    assert metrics["release"] == release.name
    assert (metrics["deployment"], metrics["model"]) == ("staging", "credit_risk")
    assert metrics["UnknownIdErrors"] == [1.0]


def test_it_signs_in_once_and_keeps_the_connection(places: Places, database: Database) -> None:
    before = len(database.proxy.tokens)
    with started(PREDICT, places) as own:
        for _ in range(3):
            assert ask(own, "POST", "/predict", {"id": KNOWN}).status == 200
        database.proxy.disconnect()
        assert ask(own, "POST", "/predict", {"id": KNOWN}).status == 200
    assert len(database.proxy.tokens) - before == 2


def test_a_ping_is_answered_without_the_database(places: Places, release: Path, ping: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        nobody.setblocking(False)
        address = "{}:{}".format(*nobody.getsockname())
        own_places = replace(places, database=address, patience=2)
        with started(PREDICT, own_places) as own:
            assert own.invoke(ping) == {"warm": True, "release": release.name}
            with pytest.raises(BlockingIOError):  # Nobody has called.
                nobody.accept()
            assert ask(own, "POST", "/predict", {"id": KNOWN}).status == 503
            nobody.accept()[0].close()


def test_without_the_database_it_says_so_until_it_is_back(
    predict: Function, database: Database, ping: Any
) -> None:
    assert ask(predict, "POST", "/predict", {"id": KNOWN}).status == 200
    database.stop()
    try:
        for route, body in (
            ("POST /predict", {"id": KNOWN}),
            ("POST /predict/batch", {"ids": [KNOWN]}),
            ("GET /features/5008827", None),
            ("GET /health", None),
        ):
            method, resource = route.split()
            answer = ask(predict, method, resource, body)
            assert (answer.status, answer.headers["Retry-After"]) == (503, ["5"])
            assert "postgres" not in json.dumps(answer.document)
        assert ask(predict, "POST", "/score", {"features": FEATURES}).status == 200
        assert predict.invoke(ping)["warm"] is True
    finally:
        database.start()
    assert ask(predict, "POST", "/predict", {"id": KNOWN}).status == 200
    assert ask(predict, "GET", "/health").document["status"] == "ok"
    assert len(predict.init_ms) == 1


def test_without_a_release_it_starts_and_has_no_answers(places: Places, ping: Any) -> None:
    nothing = replace(places, release=places.folder / "nothing")
    with started(PREDICT, nothing) as own:
        assert own.invoke(ping) == {"warm": True, "release": None}
        for path in ("/health", "/features/5008827"):
            assert ask(own, "GET", path).status == 503
        assert ask(own, "POST", "/predict", {"id": KNOWN}).status == 503


@pytest.mark.parametrize("name", ["model.onnx", "serving_plan.json", "manifest.json"])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_damaged_release_never_starts(
    tmp_path: Path, places: Places, name: str, is_there: bool
) -> None:
    damaged = sample_release.write(tmp_path)
    (damaged / name).write_bytes(b"{}")
    if not is_there:
        (damaged / name).unlink()
    with (
        started(PREDICT, replace(places, folder=tmp_path, release=damaged)) as own,
        pytest.raises(FunctionError, match=rf"{damaged.name}: {name} ") as raised,
    ):
        ask(own, "POST", "/predict", {"id": KNOWN})
    assert raised.value.error_type == "ReleaseError"
