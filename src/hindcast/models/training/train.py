"""Train: training set -> split -> fit -> measure -> ONNX -> release folder."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.bootstrap import Application
from hindcast.compiler.document import to_document
from hindcast.compiler.query import Knowledge
from hindcast.data import training_set
from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import Model
from hindcast.engines.base import Engine
from hindcast.errors import ReleaseError, StoreUnavailableError, TrainingError
from hindcast.models import register
from hindcast.models.training import documents, estimator, inspection, onnx_export
from hindcast.models.training.fit import Fitted, encoded, encoder, fit, fit_baseline, with_encoder
from hindcast.models.training.inspection import DataWarning
from hindcast.models.training.measure import Scored, measure
from hindcast.models.training.onnx_export import Parity
from hindcast.models.training.revision import code_revision
from hindcast.models.training.split import Partition, split
from hindcast.releases import folder
from hindcast.releases.contents import BASELINE, FEATURE_VIEW
from hindcast.serving.release import MODEL, PLAN
from hindcast.telemetry import Progress, Silent, step


@dataclass(frozen=True)
class TrainReport:
    """A release that was written, and what its model is worth on the holdout.

    left_out: reason -> how many labelled events are in neither part.
    """

    release: str
    folder: str
    rows: int
    train_rows: int
    holdout_rows: int
    threshold: float
    roc_auc: float | None
    pr_auc: float | None
    ks: float | None
    brier: float
    log_loss: float
    baseline_roc_auc: float | None
    parity_largest_difference: float
    left_out: Mapping[str, int]
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Exported:
    """A classifier as ONNX, and scikit-learn's probabilities on the holdout, [rows]."""

    onnx: bytes
    scores: NDArray[np.float64]
    parity: Parity


def train(
    application: Application,
    model: str | None,
    engine: Engine,
    clocks: Knowledge,
    progress: Progress | None = None,
) -> TrainReport:
    """Build the training set, train, release, and tell ledger, MLflow and model card.

    Raises StoreUnavailableError naming the release where it is written and one does not answer.
    """
    watcher = progress or Silent()
    declared = application.project.model(model)
    report: TrainReport | None = None
    try:
        parameters = {"model": declared.name, "engine": engine.name, **asdict(clocks)}
        with application.ledger.run("train", parameters) as run:
            with _naming(declared):
                onnx_export.require_known(estimator.make(declared))
            with step(watcher, "training set"):
                data = training_set.of(
                    declared, application.project, engine, application.lake, clocks
                )
            revision = code_revision(application.project.folder)
            written = release(declared, data, application.releases.folder, revision, watcher)
            application.releases.add(written.release)
            report = replace(written, folder=application.releases.location(written.release))
            run.inputs.update(data.inputs)
            run.outputs.update(asdict(report))
        with step(watcher, "record the release"):
            register.register(application, Path(written.folder), run.id)
    except StoreUnavailableError as error:
        if report is None:
            raise
        raise StoreUnavailableError(
            f"release {report.release} is written in {report.folder}, but {error}; "
            "hindcast releases records it once the database answers"
        ) from error
    return report


def release(
    model: Model,
    data: TrainingSet,
    releases: str | Path,
    revision: str,
    progress: Progress | None = None,
) -> TrainReport:
    """Train on a training set and write the release's folder below another.

    Raises TrainingError when the data cannot train, ReleaseError when ONNX differs; each names
    the model.
    """
    with _naming(model):
        return _release(model, data, releases, revision, progress or Silent())


@contextmanager
def _naming(model: Model) -> Iterator[None]:
    try:
        yield
    except (TrainingError, ReleaseError) as error:
        raise type(error)(f"model '{model.name}': {error}") from error


def _release(
    model: Model, data: TrainingSet, releases: str | Path, revision: str, watcher: Progress
) -> TrainReport:
    if model.task != "binary":
        raise TrainingError(f"a {model.task} model cannot be trained yet")
    labels, groups, matrix = data.labels(), data.groups(), data.matrix()
    parts = split(groups, data.micros(), labels)
    inspection.require_values(data, parts)
    warned = inspection.warnings(data, labels, parts)
    with step(watcher, f"fit {model.name}"):
        fitted, baseline = _fit(model, matrix, labels, groups, parts, data.numeric)
    with step(watcher, "export to ONNX and compare"):
        held = matrix[parts.holdout]
        exported = _export("the model", fitted, data, held)
        simple = _export("the simple baseline", baseline, data, held)
    with step(watcher, "measure on the holdout"):
        score = onnx_export.scorer(exported.onnx, len(data.numeric))
        scored = Scored(held, exported.scores, simple.scores, fitted.threshold, score)
        measured = measure(model, data, labels, parts, scored)
        measured["left_out"] = {**data.left_out, **parts.left_out(data.micros())}
        measured["warnings"] = [asdict(warning) for warning in warned]
        measured["differences"] = documents.differences(data)
        measured["parity"] = asdict(exported.parity)
        measured["baseline_parity"] = asdict(simple.parity)
    files = {
        MODEL: exported.onnx,
        BASELINE: simple.onnx,
        PLAN: folder.json_bytes(documents.plan(model, data, fitted.threshold)),
        FEATURE_VIEW: folder.json_bytes(to_document(data.view.view)),
        "metrics.json": folder.json_bytes(measured),
        "histograms.json": folder.json_bytes(documents.reference(data, parts, exported.scores)),
    }
    manifest = documents.manifest(model, data, revision)
    with step(watcher, "write the release"):
        written = folder.write(releases, manifest, files)
    return _report(written, parts, measured, warned)


def _fit(
    model: Model,
    matrix: NDArray[Any],
    labels: NDArray[np.int64],
    groups: NDArray[Any],
    parts: Partition,
    numeric: Sequence[str],
) -> tuple[Fitted, Fitted]:
    """The model and the baseline, fitted on the training part, text encoded."""
    encode = encoder(len(numeric), matrix[parts.train])
    numbers = encoded(encode, matrix[parts.train])
    fitted = fit(model, numbers, labels[parts.train], groups[parts.train], numeric)
    baseline = Fitted(fit_baseline(model, numbers, labels[parts.train]), fitted.threshold)
    return with_encoder(encode, fitted), with_encoder(encode, baseline)


def _export(what: str, fitted: Fitted, data: TrainingSet, held: NDArray[Any]) -> _Exported:
    """Export a classifier, and compare the two on the held-out rows of the matrix."""
    scores = fitted.probabilities(held)
    onnx = onnx_export.export(
        fitted.classifier, len(data.numeric), len(data.categorical), fitted.calibration
    )
    parity = onnx_export.check_parity(onnx, held, scores, fitted.threshold, len(data.numeric), what)
    return _Exported(onnx, scores, parity)


def _report(
    written: Path, parts: Partition, measured: dict[str, Any], warned: Sequence[DataWarning]
) -> TrainReport:
    held = measured["holdout"]
    return TrainReport(
        release=written.name,
        folder=str(written),
        rows=len(parts.train),
        train_rows=int(parts.train.sum()),
        holdout_rows=held["rows"],
        threshold=held["confusion"]["threshold"],
        roc_auc=held["roc_auc"],
        pr_auc=held["pr_auc"],
        ks=held["ks"],
        brier=held["brier"],
        log_loss=held["log_loss"],
        baseline_roc_auc=measured["baseline"]["logistic_regression"]["roc_auc"],
        parity_largest_difference=measured["parity"]["largest_difference"],
        left_out=measured["left_out"],
        warnings=tuple(str(warning) for warning in warned),
    )
