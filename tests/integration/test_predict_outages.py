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


def all_503(service: Service) -> None:
    for request in READING:
        asserted_503(service, request)


def asserted_503(service: Service, request: tuple[str, str, bytes]) -> None:
    answer = service.invoke(*request)
    assert answer["statusCode"] == 503
    assert answer["multiValueHeaders"]["Retry-After"] == ["5"]
    assert not re.search("postgres|credit_(history|v2)|income|salary", answer["body"])


def test_a_lock_on_what_is_read_is_503_within_two_seconds_and_one_line(
    capsys: pytest.CaptureFixture[str], served_url: str, release_dir: Path
) -> None:
    with serve(served_url, release_dir) as service, psycopg.connect(served_url) as holder:
        holder.execute("LOCK TABLE hindcast.credit_history__run1 IN ACCESS EXCLUSIVE MODE")
        began = time.perf_counter()
        lines = logged(capsys, lambda: all_503(service))
        assert time.perf_counter() - began < 2  # All of them: who comes later does not wait anew.
    [told] = [line for line in lines if line.get("level") == "ERROR"]
    assert told["reason"] == "canceling statement due to lock timeout"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ("", "canceling statement due to statement timeout"),
        ("?options=", "the server said nothing for 1.5 seconds"),
    ],
    ids=["the server ends it", "the client ends it"],
)
def test_a_read_that_does_not_end_is_503_within_two_seconds(
    capsys: pytest.CaptureFixture[str], served_url: str, tmp_path: Path, options: str, reason: str
) -> None:
    endless = sample_release.write(tmp_path, sql="SELECT pg_sleep(30) WHERE 1 = %(key_0)s")
    url = served_url + options.replace("?", "&" if "?" in served_url else "?")
    with serve(url, endless) as service:
        began = time.perf_counter()
        lines = logged(capsys, lambda: asserted_503(service, ("POST", "/predict", b'{"id": 1}')))
        assert time.perf_counter() - began < 2
    [told] = [line for line in lines if line.get("level") == "ERROR"]
    assert told["reason"] == reason


def test_a_value_that_cannot_be_computed_leaves_the_others_of_a_batch_alone(
    capsys: pytest.CaptureFixture[str], served_url: str, tmp_path: Path
) -> None:
    computed = "CAST(1 / (id - 5008804) AS INT8) AS nb_previous_loans"
    sql = sample_release.SQL.replace("nb_previous_loans", computed, 1)
    with serve(served_url, sample_release.write(tmp_path, sql=sql)) as service:
        asked, answered = {"ids": [5008827, 5008804, 1]}, []
        ask = partial(service.call, "POST", "/predict/batch", asked)
        lines = logged(capsys, lambda: answered.append(ask()))
    [(status, answer)] = answered
    good, failed, unknown = answer["predictions"]
    assert (status, "probability" in good) == (200, True)
    assert failed["error"]["message"] == "something went wrong here; it has been logged"
    assert "there is no customer" in unknown["error"]["message"]
    told = [line for line in lines if line.get("level") == "ERROR"]
    assert [line["error_type"] for line in told] == ["DivisionByZero"]
    assert [line["outcome"] for line in lines if "outcome" in line] == [
        "predicted",
        "failed",
        "unknown",
    ]


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
        lines = logged(capsys, partial(all_503, service))
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
