"""The predict handler while release, database or view are away, are back, or changed meanwhile."""

import json
import re
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import psycopg
import pytest

from hindcast.errors import FeatureError
from hindcast.serving.requests import Question
from hindcast.stores import embedded_postgres
from hindcast.traffic import proxy_events
from tests.integration.service import FEATURES, TABLE, Service, logged, serve
from tests.unit.serving import sample_release

READING = [
    ("POST", "/predict", b'{"id": 5008827}'),
    ("POST", "/predict/batch", b'{"ids": [5008827]}'),
    ("GET", "/features/5008827", b""),
    ("GET", "/health", b""),
]


def test_a_warm_up_loads_the_release_and_leaves_the_database_alone(release_dir: Path) -> None:
    with serve("postgresql://nobody@/nothing?host=/nowhere", release_dir) as service:
        began = time.perf_counter()
        answer = service.handler({"warmup": True, "hold_seconds": 0.05}, proxy_events.Context())
        assert time.perf_counter() - began >= 0.05  # Busy, so that another needs its own.
    assert answer == {"warm": True, "release": release_dir.name}


def test_an_image_without_a_release_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    service = Service(None)
    warm_up = service.handler({"warmup": True}, proxy_events.Context())
    assert warm_up == {"warm": True, "release": None}
    for request in (
        ("POST", "/predict", {"id": 5008827}),
        ("GET", "/health"),
        ("GET", "/features/1"),
    ):
        status, answer = service.call(*request)
        assert (status, answer["error"]["field"]) == (503, None)
        assert answer["error"]["message"] == "there is no release to answer by yet"
    lines = logged(capsys, lambda: service.call("POST", "/predict", {"id": 5008827}))
    assert [line["outcome"] for line in lines if "outcome" in line] == ["unavailable"]


def test_a_connection_that_went_stale_is_replaced_unnoticed(
    service: Service, served_url: str
) -> None:
    assert service.call("POST", "/predict", {"id": 5008827})[0] == 200
    end_other_connections(served_url)
    assert service.call("POST", "/predict", {"id": 5008827})[0] == 200
    end_other_connections(served_url)
    assert service.call("POST", "/predict/batch", {"ids": [5008827]})[0] == 200


def test_a_refreshed_view_is_read_through_the_same_connection(
    service: Service, served_url: str
) -> None:
    first = service.call("GET", "/features/5008827")[1]
    swap_view(served_url, "run2")
    second = service.call("GET", "/features/5008827")[1]
    swap_view(served_url, "run1")
    assert second == {**first, "materialization": "run2"}
    assert service.call("GET", "/features/5008827")[1] == first


def swap_view(url: str, run: str) -> None:
    """Replace the view by another one in one transaction, as a refresh does."""
    with psycopg.connect(url) as connection:
        connection.execute("DROP VIEW hindcast.credit_history")
        connection.execute(TABLE[TABLE.index("CREATE VIEW") :].replace("'run1'", f"'{run}'"))


def test_the_database_away_is_503_until_it_is_back(release_dir: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="hindcast-") as folder:
        data = Path(folder) / "postgres"
        url = embedded_postgres.server_url(data)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(TABLE)
        with serve(url, release_dir) as service:
            assert service.call("GET", "/health")[0] == 200
            embedded_postgres.stop(data)
            assert_unavailable(service)
            embedded_postgres.server_url(data)
            assert service.call("POST", "/predict", {"id": 5008827})[0] == 200
            assert service.call("GET", "/health")[1]["status"] == "ok"
        embedded_postgres.stop(data)


def assert_unavailable(service: Service) -> None:
    """What reads the store is refused for now; what does not is answered."""
    for request in READING:
        asserted_503(service, request)
    health = service.call("GET", "/health")[1]
    assert (health["database"], health["features"]) == ("unavailable", "unknown")
    assert service.call("POST", "/score", {"features": FEATURES})[0] == 200


def asserted_503(service: Service, request: tuple[str, str, bytes]) -> None:
    answer = service.invoke(*request)
    assert answer["statusCode"] == 503
    assert answer["multiValueHeaders"]["Retry-After"] == ["5"]
    assert not re.search("postgres|credit_(history|v2)|income|salary", answer["body"])


@pytest.mark.parametrize(
    ("named", "renamed", "cause"),
    [
        ("income", "salary", 'column "salary" does not exist'),
        ("credit_history", "credit_v2", 'relation "hindcast.credit_v2" does not exist'),
        ('"hindcast".', '"other".', 'relation "other.credit_history" does not exist'),
    ],
    ids=["column", "table", "schema"],
)
def test_what_a_release_reads_and_the_store_lacks_is_503_with_its_cause_in_the_log(
    capsys: pytest.CaptureFixture[str],
    served_url: str,
    tmp_path: Path,
    named: str,
    renamed: str,
    cause: str,
) -> None:
    sql = sample_release.SQL.replace(named, renamed)
    with serve(served_url, sample_release.write(tmp_path / "other", sql=sql)) as service:
        for request in READING:
            lines = logged(capsys, partial(asserted_503, service, request))
            [told] = [line for line in lines if line.get("level") == "ERROR"]
            assert cause in told["reason"]
        health = service.call("GET", "/health")[1]
    assert (health["status"], health["database"], health["features"]) == ("down", "ok", "missing")


def test_an_unforeseen_failure_shows_nothing_and_logs_its_stack(
    capsys: pytest.CaptureFixture[str], served_url: str, tmp_path: Path
) -> None:
    broken = sample_release.write(tmp_path / "broken", sql="SELECT 1/0 WHERE 1 = %(key_0)s")
    with serve(served_url, broken) as service:
        lines = logged(capsys, lambda: service.call("POST", "/predict", {"id": 1}))
        status, answer = service.call("POST", "/predict", {"id": 1})
        with pytest.raises(FeatureError, match="a feature cannot be computed: division by zero"):
            service.predictor.predict(Question((1,)), datetime.now(UTC))
    assert status == 500
    assert answer["error"]["field"] is None
    assert "SELECT" not in json.dumps(answer)
    assert "zero" not in json.dumps(answer)
    [line] = [line for line in lines if line.get("message") == "unexpected error"]
    assert line["error_type"] == "DivisionByZero"
    assert "predictor.py" in line["stack"]


def end_other_connections(url: str) -> None:
    """Close every connection to the database from the server's side, as a failover does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
