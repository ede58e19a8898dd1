"""Train: training set -> split -> fit -> measure -> ONNX -> release folder."""

import platform
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast import trainingset
from hindcast.bootstrap import Application
from hindcast.definitions import Model
from hindcast.releases import card, folder, histograms, onnx_export
from hindcast.serving.release import MODEL, PLAN
from hindcast.telemetry import Progress, Silent, step
from hindcast.training import metrics
from hindcast.training.dataset import TrainingSet, column_numbers, column_texts
from hindcast.training.fit import Fitted, encoded, encoder, fit, fit_baseline, with_encoder
from hindcast.training.revision import code_revision
from hindcast.training.split import Split, split

LIBRARIES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


@dataclass(frozen=True)
class TrainReport:
    """A release that was written, and what its model is worth on the holdout."""

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


def train(
    application: Application,
    model: str | None,
    engine: str,
    as_of: str | None,
    known_by: str | None,
    now: datetime,
    progress: Progress | None = None,
) -> TrainReport:
    """Build the training set, train, release, and make the release the one that is served."""
    watcher = progress or Silent()
    declared = application.project.model(model)
    with step(watcher, "training set"):
        data = trainingset.of(application, model, engine, as_of, known_by, now)
    revision = code_revision(application.project.folder)
    report = release(declared, data, application.settings.releases, revision, watcher)
    folder.make_current(application.settings.releases, declared.name, report.release)
    return report


def release(
    model: Model, data: TrainingSet, releases: str, revision: str, progress: Progress | None = None
) -> TrainReport:
    """Train on a training set and write the release folder.

    Raises TrainingError when the data cannot train, ReleaseError when ONNX differs.
    """
    watcher = progress or Silent()
    labels, groups, matrix = data.labels(), data.groups(), data.matrix()
    parts = split(groups, data.micros(), labels)
    with step(watcher, f"fit {model.name}"):
        fitted, baseline = _fit(model, matrix, labels, groups, parts, len(data.numeric))
    with step(watcher, "export to ONNX and compare"):
        scores = fitted.probabilities(matrix[parts.holdout])
        onnx = onnx_export.export(fitted.classifier, len(data.numeric), len(data.categorical))
        parity = onnx_export.check_parity(
            onnx, matrix[parts.holdout], scores, fitted.threshold, len(data.numeric)
        )
    measured = _measure(model, data, parts, labels, scores, fitted, baseline, matrix)
    measured["parity"] = asdict(parity)
    files = {
        MODEL: onnx,
        PLAN: folder.json_bytes(_plan(model, data, fitted.threshold)),
        "metrics.json": folder.json_bytes(measured),
        "histograms.json": folder.json_bytes(_histograms(data, parts, scores)),
    }
    manifest = _manifest(model, data, revision)
    files["model_card.md"] = card.render(manifest, measured).encode()
    with step(watcher, "write the release"):
        written = folder.write(releases, manifest, files)
    return _report(written, parts, measured)


def _fit(
    model: Model,
    matrix: NDArray[Any],
    labels: NDArray[np.int64],
    groups: NDArray[Any],
    parts: Split,
    numeric: int,
) -> tuple[Fitted, Fitted]:
    """The model and the baseline, fitted on the training part, text encoded."""
    encode = encoder(numeric, matrix[parts.train])
    numbers = encoded(encode, matrix[parts.train])
    fitted = fit(model, numbers, labels[parts.train], groups[parts.train])
    baseline = Fitted(fit_baseline(model, numbers, labels[parts.train]), fitted.threshold)
    return with_encoder(encode, fitted), with_encoder(encode, baseline)


def _measure(
    model: Model,
    data: TrainingSet,
    parts: Split,
    labels: NDArray[np.int64],
    scores: NDArray[np.float64],
    fitted: Fitted,
    baseline: Fitted,
    matrix: NDArray[Any],
) -> dict[str, Any]:
    """metrics.json: the model, the baseline and the prevalence on the holdout, and each slice."""
    held = labels[parts.holdout]
    simple = baseline.probabilities(matrix[parts.holdout])
    constant = np.full(len(held), labels[parts.train].mean())
    return {
        "train": {"rows": int(parts.train.sum()), "positives": int(labels[parts.train].sum())},
        "holdout_from_micros": parts.cut,
        "holdout": metrics.evaluate(held, scores, fitted.threshold),
        "baseline": {
            "logistic_regression": metrics.evaluate(held, simple, fitted.threshold),
            "prevalence": metrics.evaluate(held, constant, fitted.threshold),
        },
        "slices": {
            name: _slices(column_texts(data.table[name])[parts.holdout], held, scores, fitted)
            for name in model.slices
        },
    }


def _slices(
    values: NDArray[Any], labels: NDArray[np.int64], scores: NDArray[np.float64], fitted: Fitted
) -> dict[str, Any]:
    masks = {str(value): values == value for value in np.unique(values.astype(str))}
    return {
        value: metrics.evaluate(labels[mask], scores[mask], fitted.threshold)
        for value, mask in masks.items()
    }


def _plan(model: Model, data: TrainingSet, threshold: float) -> dict[str, Any]:
    return {
        "format": 1,
        "model": model.name,
        "entity": data.entity,
        "key": data.key,
        "key_type": str(data.key_type),
        "view": data.view,
        "sql": data.serving_sql,
        "features": [
            {"name": f.name, "type": str(f.datatype), "request_time": f.kind == "request"}
            for f in data.features
        ],
        "threshold": threshold,
    }


def _manifest(model: Model, data: TrainingSet, revision: str) -> dict[str, Any]:
    return {
        "format": 1,
        "model": model.name,
        "definition_hash": data.definition_hash,
        "inputs": data.inputs,
        "as_of": data.as_of.isoformat(),
        "known_by": data.known_by.isoformat(),
        "label_matures_days": model.label_matures.days,
        "code_revision": revision,
        "seed": model.seed,
        "libraries": {"python": platform.python_version(), **{n: version(n) for n in LIBRARIES}},
    }


def _histograms(data: TrainingSet, parts: Split, scores: NDArray[np.float64]) -> dict[str, Any]:
    texts = {
        name: histograms.categories(column_texts(data.table[name])[parts.train])
        for name in data.categorical
    }
    numbers = {
        name: histograms.numbers(column_numbers(data.table[name])[parts.train])
        for name in data.numeric
    }
    return {"features": {**numbers, **texts}, "scores": histograms.numbers(scores)}


def _report(written: Path, parts: Split, measured: dict[str, Any]) -> TrainReport:
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
    )
