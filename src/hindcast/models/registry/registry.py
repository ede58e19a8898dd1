"""Releases as MLflow runs and model versions, in MLflow's own SQL store; no server runs."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from hindcast.errors import NotFoundError
from hindcast.models.registry import mlflow_store, tracking, words
from hindcast.models.registry.tracking import RELEASE_TAG
from hindcast.releases.contents import ReleaseContents

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel, Run

CHAMPION = "champion"
CHALLENGER = "challenger"


class ModelRegistry:
    """The releases of every model, as MLflow experiments, runs and model versions.

    artifacts: the folder or s3:// URI that new experiments keep their files in. Every method
    raises StoreUnavailableError where the store or the artifacts do not answer.
    """

    def __init__(self, database_url: str, artifacts: str) -> None:
        self._database_url = database_url
        self.artifacts = artifacts if "://" in artifacts else Path(artifacts).absolute().as_uri()

    @property
    def uri(self) -> str:
        """The store's URI for MLflow, such as `mlflow server --backend-store-uri`; may be secret.

        It needs Postgres itself: RDS Proxy refuses the option that names the schema.
        """
        return mlflow_store.sqlalchemy_url(self._database_url)

    def prepare(self) -> None:
        """Create MLflow's tables where they are not there; any number of processes may."""
        with mlflow_store.one_error():
            _ = self._client

    def migrate(self) -> None:
        """Create MLflow's tables, or bring those of an older MLflow to what this one needs."""
        with mlflow_store.one_error():
            mlflow_store.migrate(self._database_url)

    def log(self, release: ReleaseContents, plots: Mapping[str, bytes]) -> int:
        """The version of a release, whose run and model are logged where they are not yet whole.

        plots: SVG files by name.
        """
        with self._alone(release.model) as client:
            known = _versions(client, release.model)
            return known.get(release.id) or _log(client, release, plots, self.artifacts)

    def releases(self, model: str) -> dict[str, int]:
        """Release -> version, of the releases of a model that are logged whole."""
        with mlflow_store.one_error():
            return _versions(self._client, model)

    def point(self, model: str, champion: str | None, challenger: str | None) -> None:
        """Set the aliases champion and challenger to releases, or remove them.

        Raises NotFoundError, and changes nothing, for a release that is not logged.
        """
        with self._alone(model) as client:
            known = _versions(client, model)
            wanted = {CHAMPION: champion, CHALLENGER: challenger}
            for release in wanted.values():
                if release is not None and release not in known:
                    raise NotFoundError(f"release {release} of model '{model}' is not in MLflow")
            if known:
                _point(client, model, {alias: known.get(r or "") for alias, r in wanted.items()})

    def download(self, uri: str, into: Path) -> Path:
        """Copy the model of runs:/, models:/ or another address to a folder below this one.

        Raises NotFoundError where MLflow knows none by that address.
        """
        with mlflow_store.one_error():
            return mlflow_store.download(self._client, uri, self.uri, into)

    @cached_property
    def _client(self) -> "MlflowClient":
        return mlflow_store.open_client(self._database_url, self.artifacts)

    @contextmanager
    def _alone(self, model: str) -> Iterator["MlflowClient"]:
        """The client, while no other process changes the same model."""
        with mlflow_store.one_error():
            client = self._client
            with mlflow_store.lock(self._database_url, f"model {model}"):
                yield client


@lru_cache
def open_registry(database_url: str, releases: str) -> ModelRegistry:
    """The registry in a database, its artifacts beside the releases; the same one each time.

    Its first use connects and checks MLflow's tables, which takes seconds.
    """
    return ModelRegistry(database_url, f"{releases.rstrip('/')}/mlflow")


def _log(
    client: "MlflowClient", release: ReleaseContents, plots: Mapping[str, bytes], artifacts: str
) -> int:
    """Log everything, the version last: a release with a version is whole.

    Each step finds what a killed process left of it; writing the same again changes nothing.
    """
    experiment = _experiment(client, release.model, artifacts)
    run = _run(client, experiment, release)
    model = _model(client, experiment, run, release)
    _log_numbers(client, release, run, model)
    _log_files(client, release, plots, run, model)
    client.finalize_logged_model(model.model_id, "READY")
    client.set_terminated(run.info.run_id, "FINISHED")
    return _version(client, release, run, model)


def _experiment(client: "MlflowClient", model: str, artifacts: str) -> str:
    found = client.get_experiment_by_name(model)
    if found is None:
        return str(client.create_experiment(model, artifact_location=artifacts))
    if found.lifecycle_stage == "deleted":  # Deleted in the UI, where only the name stays taken.
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _run(client: "MlflowClient", experiment: str, release: ReleaseContents) -> "Run":
    wanted = f"tags.{RELEASE_TAG} = '{release.id}'"
    found = client.search_runs([experiment], wanted, max_results=1, order_by=["start_time ASC"])
    if found:
        return found[0]
    return client.create_run(experiment, tags=tracking.tags(release), run_name=release.id)


def _model(
    client: "MlflowClient", experiment: str, run: "Run", release: ReleaseContents
) -> "LoggedModel":
    """The run's model, made and linked where it is not."""
    from mlflow.entities import LoggedModelOutput

    run_id = run.info.run_id
    wanted = f"name = '{release.id}' AND source_run_id = '{run_id}'"
    found = client.search_logged_models([experiment], wanted, max_results=1)
    model = found[0] if found else _new_model(client, experiment, run_id, release)
    outputs = client.get_run(run_id).outputs
    if outputs is None or not outputs.model_outputs:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
    return model


def _new_model(
    client: "MlflowClient", experiment: str, run_id: str, release: ReleaseContents
) -> "LoggedModel":
    tags, kind = {RELEASE_TAG: release.id}, words.of(release.metrics).kind
    return client.create_logged_model(experiment, release.id, run_id, tags, model_type=kind)


def _log_numbers(
    client: "MlflowClient", release: ReleaseContents, run: "Run", model: "LoggedModel"
) -> None:
    from mlflow.entities import Dataset, DatasetInput, Metric, Param

    # The same instant each time: MLflow keeps one value per name, instant and step.
    at = run.info.start_time
    # It fails on numbers that a model has already, and on parameters that are said anew.
    present = {metric.key for metric in model.metrics or ()}
    parameters = tracking.parameters(release).items()
    client.log_batch(
        run.info.run_id,
        metrics=[
            Metric(name, value, at, 0, model_id=model.model_id)
            for name, value in tracking.metrics(release).items()
            if name not in present
        ],
        params=[Param(name, value) for name, value in parameters if name not in run.data.params],
    )
    inputs = [
        DatasetInput(Dataset(table, digest[:36], "delta", json.dumps({"table": table})))
        for table, digest in words.inputs(release.manifest).items()
    ]
    client.log_inputs(run.info.run_id, inputs)


def _log_files(
    client: "MlflowClient",
    release: ReleaseContents,
    plots: Mapping[str, bytes],
    run: "Run",
    model: "LoggedModel",
) -> None:
    run_id = run.info.run_id
    with tempfile.TemporaryDirectory(prefix="hindcast-mlflow-") as folder:
        of_run, of_model = Path(folder) / "run", Path(folder) / "model"
        shutil.copytree(release.folder, of_run / "release")
        drawn = {name if "." in name else f"{name}.svg": plot for name, plot in plots.items()}
        _write(of_run / "plots", drawn)
        _write(of_model, tracking.model_files(release, run_id, model.model_id))
        client.log_artifacts(run_id, str(of_run))
        client.log_model_artifacts(model.model_id, str(of_model))


def _version(
    client: "MlflowClient", release: ReleaseContents, run: "Run", model: "LoggedModel"
) -> int:
    if not client.search_registered_models(f"name = '{release.model}'"):
        client.create_registered_model(release.model)
    # By its location, because models:/id would be looked up in MLflow's global store.
    version = client.create_model_version(
        release.model,
        model.artifact_location,
        run.info.run_id,
        {RELEASE_TAG: release.id},
        description=tracking.description(release),
        model_id=model.model_id,
    )
    # Only for the UI, which links the model to its version.
    link = [{"name": release.model, "version": str(version.version)}]
    client.set_logged_model_tags(model.model_id, {"mlflow.modelVersions": json.dumps(link)})
    return int(version.version)


def _versions(client: "MlflowClient", model: str) -> dict[str, int]:
    found: dict[str, int] = {}
    token = None
    while True:
        page = client.search_model_versions(f"name = '{model}'", page_token=token)
        found |= {v.tags[RELEASE_TAG]: int(v.version) for v in page if RELEASE_TAG in v.tags}
        token = page.token
        if not token:
            return found


def _point(client: "MlflowClient", model: str, wanted: Mapping[str, int | None]) -> None:
    # Some stores give a version as text, some as a number.
    aliases = client.get_registered_model(model).aliases
    present = {alias: int(version) for alias, version in aliases.items()}
    for alias, version in wanted.items():
        if version is not None and present.get(alias) != version:
            client.set_registered_model_alias(model, alias, str(version))
        elif version is None and alias in present:
            client.delete_registered_model_alias(model, alias)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
