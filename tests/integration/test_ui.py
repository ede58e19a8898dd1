"""`hindcast ui` shows what was logged, and leaves no process behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
import pytest

from hindcast import bootstrap
from hindcast.cli import app, guarded
from hindcast.errors import InputError
from hindcast.models.registry.registry import open_registry
from hindcast.releases import contents
from hindcast.releases.contents import ReleaseContents
from hindcast.stores import embedded_postgres
from tests.unit.models.training.test_train import release as train

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def release(home: Path) -> ReleaseContents:
    """A release logged to the embedded Postgres of the home, which then stops."""
    made = contents.read(Path(train(home / "releases").folder))
    application = bootstrap.application(home)
    models = open_registry(application.database_url, application.settings.releases)
    models.log(made, {"roc": b"<svg>roc</svg>"})
    models.point(made.model, made.id, None)
    embedded_postgres.stop(home / "postgres")
    return made


@contextmanager
def running(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`hindcast ui` and its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hindcast", "ui", "--port", "0", "--home", str(home)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=home,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    try:
        assert process.stderr is not None
        lines: list[str] = []
        while not (lines and " on http" in lines[-1]):
            lines.append(process.stderr.readline())
            assert lines[-1], "".join(lines)
        yield process, lines[-1].split()[-1]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def get(url: str, body: dict[str, Any] | None = None) -> Any:
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        return response.read()


def test_the_ui_shows_the_run_and_its_plots_and_stops(home: Path, release: ReleaseContents) -> None:
    before = {path.name for path in home.iterdir()}
    with running(home) as (process, url):
        api = f"{url}/api/2.0/mlflow"
        experiments = json.loads(get(f"{api}/experiments/search?max_results=10"))["experiments"]
        ids = {found["name"]: found["experiment_id"] for found in experiments}
        found = json.loads(get(f"{api}/runs/search", {"experiment_ids": [ids["sample"]]}))["runs"]
        assert [run["info"]["run_name"] for run in found] == [release.id]
        asked = {"path": "plots/roc.svg", "run_id": found[0]["info"]["run_id"]}
        assert get(f"{url}/get-artifact?{urllib.parse.urlencode(asked)}") == b"<svg>roc</svg>"
        champion = json.loads(get(f"{api}/registered-models/alias?name=sample&alias=champion"))
        assert champion["model_version"]["version"] == "1"
        model = found[0]["outputs"]["model_outputs"][0]["model_id"]
        file = "artifacts/files?artifact_file_path=model.onnx"
        onnx = get(f"{url}/ajax-api/2.0/mlflow/logged-models/{model}/{file}")
        assert onnx == release.files["model.onnx"]
        assert b"<title>MLflow</title>" in get(url)

        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) > 1
        # Below the guard that ends them all when this process is killed.
        assert started[0].cmdline()[1] == guarded.__file__
        # The store's URL may hold a password, and everybody may read arguments.
        assert not any("psycopg" in " ".join(child.cmdline()) for child in started)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        assert psutil.wait_procs(started, timeout=10)[1] == []
    assert not (home / "postgres" / "postmaster.pid").exists()
    assert {path.name for path in home.iterdir()} == before


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{port}"):
            app(["ui", "--port", port, "--home", str(tmp_path)], standalone_mode=False)


def test_training_alone_has_no_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def skinny_only(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", skinny_only)
    with pytest.raises(InputError, match=r"install hindcast\[cli\]"):
        app(["ui", "--home", str(tmp_path)], standalone_mode=False)
