"""The predict handler while release, database or view are away, are back, or changed meanwhile."""

import json
import tempfile
from pathlib import Path

import psycopg
import pytest

from hindcast import names
from hindcast.errors import ReleaseError
from hindcast.serving import app
from hindcast.stores import embedded_postgres
from hindcast.traffic import proxy_events
from lambdas.predict.handler import handler
from tests.integration.service import FEATURES, TABLE, call, invoke, logged
from tests.unit.serving import sample_release

pytestmark = pytest.mark.usefixtures("service")


def test_a_warm_up_loads_the_release_and_leaves_the_database_alone(
    monkeypatch: pytest.MonkeyPatch, release_dir: Path
) -> None:
    monkeypatch.setenv(names.ENV_DATABASE_URL, "postgresql://nobody@/nothing?host=/nowhere")
    answer = handler({"warmup": True}, proxy_events.Context())
    assert answer == {"warm": True, "release": release_dir.name}


def test_an_image_without_a_release_starts_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], release_dir: Path
) -> None:
    monkeypatch.setenv(names.ENV_RELEASE_DIR, "/nowhere/release")
    app.predictor.cache_clear()
    assert app.load() is None
    assert handler({"warmup": True}, proxy_events.Context()) == {"warm": True, "release": None}
    for request in (
        ("POST", "/predict", {"id": 5008827}),
        ("GET", "/health"),
        ("GET", "/features/1"),
    ):
        status, answer = call(*request)
        assert (status, answer["error"]["field"]) == (503, None)
        assert answer["error"]["message"] == "there is no release to answer by yet"
    lines = logged(capsys, lambda: call("POST", "/predict", {"id": 5008827}))
    assert [line["outcome"] for line in lines if "outcome" in line] == ["unavailable"]
    monkeypatch.setenv(names.ENV_RELEASE_DIR, str(release_dir))
    assert app.load() == release_dir.name


def test_a_release_that_was_changed_stops_the_start(release_dir: Path) -> None:
    (release_dir / "model.onnx").write_bytes(b"")
    with pytest.raises(ReleaseError, match=r"model\.onnx has changed"):
        app.load()


def test_a_connection_that_went_stale_is_replaced_unnoticed(served_url: str) -> None:
    assert call("POST", "/predict", {"id": 5008827})[0] == 200
    end_other_connections(served_url)
    assert call("POST", "/predict", {"id": 5008827})[0] == 200
    end_other_connections(served_url)
    assert call("POST", "/predict/batch", {"ids": [5008827]})[0] == 200


def test_a_refreshed_view_is_read_through_the_same_connection(served_url: str) -> None:
    first = call("GET", "/features/5008827")[1]
    swap_view(served_url, "run2")
    second = call("GET", "/features/5008827")[1]
    swap_view(served_url, "run1")
    assert second == {**first, "materialization": "run2"}
    assert call("GET", "/features/5008827")[1] == first


def swap_view(url: str, run: str) -> None:
    """Replace the view by another one in one transaction, as a refresh does."""
    with psycopg.connect(url) as connection:
        connection.execute("DROP VIEW hindcast.credit_history")
        connection.execute(TABLE[TABLE.index("CREATE VIEW") :].replace("'run1'", f"'{run}'"))


def test_the_database_away_is_503_until_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="hindcast-") as folder:
        data = Path(folder) / "postgres"
        url = embedded_postgres.server_url(data)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(TABLE)
        monkeypatch.setenv(names.ENV_DATABASE_URL, url)
        app.predictor.cache_clear()
        assert call("GET", "/health")[0] == 200
        embedded_postgres.stop(data)
        assert_unavailable()
        embedded_postgres.server_url(data)
        assert call("POST", "/predict", {"id": 5008827})[0] == 200
        assert call("GET", "/health")[1]["status"] == "ok"
        app.predictor().store.close()
        embedded_postgres.stop(data)


def assert_unavailable() -> None:
    """What reads the store is refused for now; what does not is answered."""
    requests = [("POST", "/predict", b'{"id": 5008827}'), ("GET", "/features/5008827", b"")]
    requests += [("POST", "/predict/batch", b'{"ids": [5008827]}'), ("GET", "/health", b"")]
    for request in requests:
        answer = invoke(*request)
        assert answer["statusCode"] == 503
        assert answer["multiValueHeaders"]["Retry-After"] == ["5"]
        assert "postgres" not in answer["body"]
    assert call("GET", "/health")[1]["database"] == "unavailable"
    assert call("POST", "/score", {"features": FEATURES})[0] == 200


def test_a_view_that_was_never_materialized_is_503(
    monkeypatch: pytest.MonkeyPatch, postgres_server: str
) -> None:
    monkeypatch.setenv(names.ENV_DATABASE_URL, postgres_server)
    app.predictor.cache_clear()
    assert call("POST", "/predict", {"id": 5008827})[0] == 503


def test_an_unforeseen_failure_shows_nothing_and_logs_its_stack(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = sample_release.write(tmp_path / "broken", sql="SELECT 1/0 WHERE 1 = %(key)s")
    monkeypatch.setenv(names.ENV_RELEASE_DIR, str(broken))
    app.predictor.cache_clear()
    lines = logged(capsys, lambda: call("POST", "/predict", {"id": 1}))
    status, answer = call("POST", "/predict", {"id": 1})
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
