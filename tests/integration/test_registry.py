"""MLflow has every release once and whole, whatever was killed or away when it was logged."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import onnxruntime
import pytest

from hindcast.errors import InputError, NotFoundError, StoreUnavailableError
from hindcast.models.registry import tracking
from hindcast.models.registry.registry import ModelRegistry
from hindcast.releases import contents
from hindcast.releases.contents import ReleaseContents
from hindcast.stores.database import connect
from tests.integration import moto_aws
from tests.unit.models.training.test_train import release as train

PLOTS = {"roc": b"<svg>roc</svg>", "confusion.svg": b"<svg>confusion</svg>"}


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[ReleaseContents]:
    """Two releases of one model, one of them with a text feature and slices."""
    root = tmp_path_factory.mktemp("releases")
    reports = [
        train(root),
        train(root, names=("kind", "events", "amount"), slices=["kind"], threshold=0.25),
    ]
    return [contents.read(Path(report.folder)) for report in reports]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("art i facts")


@pytest.fixture(scope="module")
def registry(module_database_url: str, artifacts: Path) -> ModelRegistry:
    opened = ModelRegistry(module_database_url, str(artifacts))
    opened.prepare()
    return opened


@pytest.fixture(scope="module")
def logged(registry: ModelRegistry, releases: list[ReleaseContents]) -> list[int]:
    return [registry.log(release, PLOTS) for release in releases]


@pytest.fixture
def loader(registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch, logged: list[int]) -> Any:
    """MLflow as a user has it, on the same store."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registry.uri)
    import mlflow.onnx

    return mlflow


def runs(registry: ModelRegistry, release: ReleaseContents) -> list[Any]:
    client = registry._client
    experiment = client.get_experiment_by_name(release.model)
    assert experiment is not None
    wanted = f"tags.release = '{release.id}'"
    return list(client.search_runs([experiment.experiment_id], wanted))


def test_each_release_is_a_version_of_its_model(
    registry: ModelRegistry, releases: list[ReleaseContents], logged: list[int]
) -> None:
    assert logged == [1, 2]
    assert registry.releases("sample") == {releases[0].id: 1, releases[1].id: 2}
    assert registry.releases("another") == {}


def test_logging_twice_gives_the_same_run_and_version(
    registry: ModelRegistry, releases: list[ReleaseContents], logged: list[int]
) -> None:
    assert registry.log(releases[0], PLOTS) == logged[0]
    assert len(runs(registry, releases[0])) == 1
    assert registry.releases("sample")[releases[0].id] == logged[0]


def test_a_run_has_parameters_metrics_tags_and_data_versions(
    registry: ModelRegistry, releases: list[ReleaseContents], logged: list[int]
) -> None:
    (run,) = runs(registry, releases[1])
    held = releases[1].metrics["holdout"]
    assert run.info.run_name == releases[1].id
    assert run.info.status == "FINISHED"
    assert run.data.params["threshold"] == "0.25"
    assert run.data.params["seed"] == "7"
    assert run.data.params["features"] == "kind, events, amount"
    assert run.data.params["library/numpy"] == np.__version__
    assert run.data.metrics["holdout/roc_auc"] == held["roc_auc"]
    assert run.data.metrics["slices/kind/empty/rows"] > 0
    assert run.data.tags["code_revision"] == "test"
    assert run.data.tags["data/raw/events"] == "version 3"
    assert f"{held['roc_auc']:.4f}" in run.data.tags["mlflow.note.content"]
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("raw/events", "version 3")


def test_only_finite_numbers_are_metrics(releases: list[ReleaseContents]) -> None:
    given = {
        "rows": 3,
        "holdout": {
            "none": None,
            "nan": float("nan"),
            "inf": float("inf"),
            "yes": True,
            "text": "a",
            "curve": [0.0, 1.0],
            "auc_interval": [0.1, 0.2],
            "loss": {"low": 1, "high": 2},
            "a=b/c": 1.5,
        },
    }
    files = {**releases[0].files, "metrics.json": json.dumps(given).encode()}
    odd = ReleaseContents(releases[0].id, releases[0].folder, releases[0].manifest, files)
    assert tracking.metrics(odd) == {
        "holdout/auc_interval/low": 0.1,
        "holdout/auc_interval/high": 0.2,
        "holdout/loss/low": 1.0,
        "holdout/loss/high": 2.0,
        "holdout/a_b_c": 1.5,
    }


def test_the_files_and_plots_are_artifacts(
    registry: ModelRegistry, releases: list[ReleaseContents], logged: list[int], tmp_path: Path
) -> None:
    (run,) = runs(registry, releases[0])
    folder = Path(registry._client.download_artifacts(run.info.run_id, "", str(tmp_path)))
    assert contents.read(_renamed(folder / "release", releases[0].id)).files == releases[0].files
    assert (folder / "plots" / "roc.svg").read_bytes() == PLOTS["roc"]
    assert (folder / "plots" / "confusion.svg").read_bytes() == PLOTS["confusion.svg"]


def test_the_aliases_move_and_go(
    registry: ModelRegistry, releases: list[ReleaseContents], logged: list[int]
) -> None:
    def aliases() -> dict[str, int]:
        found = registry._client.get_registered_model("sample").aliases
        return {alias: int(version) for alias, version in found.items()}

    first, second = (release.id for release in releases)
    registry.point("sample", first, second)
    assert aliases() == {"champion": 1, "challenger": 2}
    registry.point("sample", second, None)
    assert aliases() == {"champion": 2}
    with pytest.raises(NotFoundError, match="release sample-0 of model 'sample'"):
        registry.point("sample", first, "sample-0")
    assert aliases() == {"champion": 2}
    registry.point("sample", None, None)
    assert aliases() == {}
    registry.point("another", None, None)


def test_the_champion_loads_with_its_signature(
    registry: ModelRegistry, releases: list[ReleaseContents], loader: Any
) -> None:
    registry.point("sample", releases[1].id, None)
    onnx = loader.onnx.load_model("models:/sample@champion")
    assert onnx.SerializeToString(deterministic=True) == releases[1].files["model.onnx"]
    signature = loader.models.get_model_info("models:/sample@champion").signature
    types = {column.name: column.type.name for column in signature.inputs}
    assert types == {"kind": "string", "events": "double", "amount": "double"}
    assert [(c.name, c.type.name) for c in signature.outputs] == [("probability", "double")]


@pytest.mark.parametrize("broken", ["log_inputs", "log_model_artifacts", "create_model_version"])
def test_what_a_killed_process_left_is_completed(
    registry: ModelRegistry,
    releases: list[ReleaseContents],
    logged: list[int],
    monkeypatch: pytest.MonkeyPatch,
    module_database_url: str,
    broken: str,
) -> None:
    half = _of_another_model(releases[0], f"half_{broken}")

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(registry._client, broken, killed)
        with pytest.raises(KeyboardInterrupt):
            registry.log(half, PLOTS)
    assert registry.releases(half.model) == {}
    # MLflow commits a run's numbers first, then its model's, and may be killed in between.
    with connect(module_database_url) as connection:
        connection.execute("DELETE FROM mlflow.logged_model_metrics WHERE metric_name ~ 'holdout'")
    assert registry.log(half, PLOTS) == 1
    assert registry.releases(half.model) == {half.id: 1}
    (run,) = runs(registry, half)
    assert run.info.status == "FINISHED"
    assert len(run.inputs.dataset_inputs) == len(run.outputs.model_outputs) == 1
    history = registry._client.get_metric_history(run.info.run_id, "holdout/rows")
    assert len(history) == 1
    model = registry._client.get_logged_model(run.outputs.model_outputs[0].model_id)
    assert len(model.metrics or ()) == len(run.data.metrics) == len(tracking.metrics(half))


def test_two_processes_create_the_store_and_log_one_release(
    database_url: str, releases: list[ReleaseContents], tmp_path: Path
) -> None:
    code = (
        "import sys; sys.modules['pandas'] = None  # Not among what training installs.\n"
        "from pathlib import Path; from hindcast.releases import contents\n"
        "from hindcast.models.registry import registry\n"
        "release = contents.read(Path(sys.argv[1]))\n"
        "print(registry.ModelRegistry(sys.argv[2], sys.argv[3]).log(release, {}))\n"
        "assert not {'sklearn', 'matplotlib', 'onnx'} & set(sys.modules)\n"
    )
    arguments = [str(releases[0].folder), database_url, str(tmp_path / "artifacts")]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [
        subprocess.Popen(command, cwd=tmp_path, text=True, env=environment, **pipes)
        for _ in range(2)
    ]
    assert [process.communicate(timeout=120) for process in both] == [("1\n", ""), ("1\n", "")]
    assert [path.name for path in tmp_path.iterdir()] == ["artifacts"]
    with connect(database_url) as connection:
        counted = connection.execute("SELECT count(*) FROM mlflow.runs").fetchone()
    assert counted == (1,)


def test_an_outage_is_one_line(releases: list[ReleaseContents], tmp_path: Path) -> None:
    away = ModelRegistry(f"postgresql:///x?user=u&password=secret&host={tmp_path}", str(tmp_path))
    for work in (
        lambda: away.log(releases[0], {}),
        lambda: away.releases("sample"),
        lambda: away.point("sample", None, None),
    ):
        with pytest.raises(StoreUnavailableError, match=r"^the MLflow store: [^\n]*$") as caught:
            work()
        assert "secret" not in str(caught.value)


def test_artifacts_that_cannot_be_written_are_one_line(
    registry: ModelRegistry,
    releases: list[ReleaseContents],
    logged: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(registry._client, "log_artifacts", full)
    with pytest.raises(StoreUnavailableError, match=r"MLflow store: .* No space left on device"):
        registry.log(_of_another_model(releases[0], "full"), {})


def test_the_uri_keeps_what_the_database_url_says() -> None:
    given = "postgres://u:p%40w@db:5433/loans?sslmode=require&options=-cwork_mem%3D1GB&password=a+b"
    assert ModelRegistry(given, "s3://bucket/mlflow").uri == (
        "postgresql+psycopg://u:p%40w@db:5433/loans?sslmode=require"
        "&options=-cwork_mem%3D1GB%20-csearch_path%3Dmlflow&password=a%2Bb&connect_timeout=10"
    )
    with pytest.raises(InputError, match="as a URL"):
        _ = ModelRegistry("host=db dbname=loans", "s3://bucket/mlflow").uri


@pytest.fixture
def bucket() -> Iterator[str]:
    with moto_aws.bucket("lake") as uri:
        yield f"{uri}/releases/mlflow"


def test_artifacts_go_to_s3(
    database_url: str, bucket: str, releases: list[ReleaseContents], tmp_path: Path
) -> None:
    remote = ModelRegistry(database_url, bucket)
    assert remote.log(releases[0], PLOTS) == 1
    (run,) = runs(remote, releases[0])
    path = remote._client.download_artifacts(run.info.run_id, "plots/roc.svg", str(tmp_path))
    assert Path(path).read_bytes() == PLOTS["roc"]
    source = remote._client.get_model_version("sample", "1").source or ""
    key = f"{source.removeprefix('s3://lake/')}/model.onnx"
    stored = boto3.client("s3").get_object(Bucket="lake", Key=key)["Body"].read()
    assert onnxruntime.InferenceSession(stored).get_outputs()[-1].name == "probabilities"


def _of_another_model(release: ReleaseContents, model: str) -> ReleaseContents:
    """The same release under another model's name, for an experiment of its own."""
    manifest = {**release.manifest, "model": model}
    return ReleaseContents(f"{model}-0", release.folder, manifest, release.files)


def _renamed(folder: Path, name: str) -> Path:
    return folder.rename(folder.with_name(name))
