"""Train: training set -> split -> fit -> measure -> ONNX -> release folder."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.compiler import question
from hindcast.compiler.query import Knowledge
from hindcast.data import training_range, training_rows, training_set
from hindcast.data.training_range import EVERYTHING, TrainingRange
from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import Model
from hindcast.engines.base import Engine
from hindcast.errors import ReleaseError, StoreUnavailableError, TrainingError
from hindcast.formats.spine_file import Rows
from hindcast.models import register
from hindcast.models.tasks import choice
from hindcast.models.tasks.base import Labels, Reals, Task
from hindcast.models.training import documents, inspection, onnx_export, reference, rehearsal, split
from hindcast.models.training.fit import FittedModel, fit
from hindcast.models.training.inspection import DataWarning
from hindcast.models.training.measure import Scored, measure
from hindcast.models.training.onnx_export import Parity
from hindcast.models.training.revision import code_revision
from hindcast.models.training.split import Partition
from hindcast.releases import folder
from hindcast.releases.contents import BASELINE, FEATURES, HISTOGRAMS
from hindcast.serving.release import MODEL, PLAN
from hindcast.telemetry import Progress, Silent, step


@dataclass(frozen=True)
class TrainReport:
    """A release that was written, and what its model is worth on the holdout.

    learned: what serving is told besides the features, such as the threshold. worth: metric ->
    value. left_out: reason -> how many labelled events are in neither part.
    """

    release: str
    folder: str
    rows: int
    train_rows: int
    holdout_rows: int
    learned: Mapping[str, Any]
    worth: Mapping[str, float | None]
    parity_largest_difference: float
    left_out: Mapping[str, int]
    warnings: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """The JSON form, which has the learned values and the metrics by their own names."""
        found: dict[str, Any] = {}
        for name, value in asdict(self).items():
            found |= value if name in ("learned", "worth") else {name: value}
        return found


@dataclass(frozen=True)
class _Exported:
    """A model as ONNX, and scikit-learn's scores of the holdout."""

    onnx: bytes
    scores: Reals
    parity: Parity


def train(
    application: Application,
    model: str | None,
    engine: Engine,
    clocks: Knowledge,
    progress: Progress | None = None,
    within: TrainingRange = EVERYTHING,
    spine: Rows | None = None,
) -> TrainReport:
    """Build the training set, train, release, and tell ledger, MLflow and model card.

    within: the labelled events that are trained on, and held out. spine: a caller's rows with their
    labels in place of the source's events.

    Raises StoreUnavailableError naming the release where it is written and one does not answer.
    """
    watcher = progress or Silent()
    declared = application.project.model(model)
    report: TrainReport | None = None
    try:
        given = {"model": declared.name, "engine": engine.name}
        parameters = {**given, **asdict(clocks), **within.document()}
        with application.ledger.run("train", parameters) as run:
            with _naming(declared), step(watcher, "rehearse the export to ONNX"):
                features = training_set.features(declared, application.project)
                rehearsal.require_convertible(declared, *training_rows.by_input(features))
            with step(watcher, "training set"):
                project, lake = application.project, application.lake
                training_set.check_whole(declared, project, lake, spine, {})
                data = training_set.of(declared, project, engine, lake, clocks, spine=spine)
            revision = code_revision(application.project.folder)
            folder = application.releases.folder
            written = release(declared, data, folder, revision, watcher, within)
            application.releases.add(written.release)
            report = replace(written, folder=application.releases.location(written.release))
            run.inputs.update(data.inputs)
            run.outputs.update(report.document())
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
    within: TrainingRange = EVERYTHING,
) -> TrainReport:
    """Train on a range of a training set and write the release's folder below another.

    Raises TrainingError when the data cannot train, ReleaseError when ONNX differs; each names
    the model.
    """
    with _naming(model):
        rows = training_range.within(data, within)
        manifest = documents.manifest(model, rows, revision, within)
        # On one thread: the order of additions and of draws, and so the bytes of the model and of
        # what is measured, must not depend on which thread is faster. (OpenMP's limit holds for
        # the thread that sets it alone, and liblinear has one generator a process.)
        with threadpool_limits(1):
            return _release(model, rows, releases, manifest, progress or Silent())


@contextmanager
def _naming(model: Model) -> Iterator[None]:
    try:
        yield
    except (TrainingError, ReleaseError) as error:
        raise type(error)(f"model '{model.name}': {error}") from error


def _release(
    model: Model,
    data: TrainingSet,
    releases: str | Path,
    manifest: dict[str, Any],
    watcher: Progress,
) -> TrainReport:
    task, labels = target(model, data)
    matrix, parts = data.matrix(), split.of(data, model.split)
    task.require_enough(labels[parts.train], parts.train_groups)
    inspection.require_values(data, parts)
    warned = inspection.warnings(task, data, labels, parts)
    with step(watcher, f"fit {model.name}"):
        fitted, baseline = fit(model, task, data, matrix, labels, parts)
    task = fitted.fitted.task
    with step(watcher, "export to ONNX and compare"):
        held = matrix[parts.holdout]
        exported = _export("the model", fitted, held)
        simple = _export("the simple baseline", baseline, held)
    with step(watcher, "measure on the holdout"):
        score = onnx_export.scorer(exported.onnx, task, len(data.numeric))
        scored = Scored(held, exported.scores, simple.scores, score)
        measured = measure(model, task, data, labels, parts, scored)
        measured["left_out"] = {**data.left_out, **parts.left_out(data.micros())}
        measured["warnings"] = [asdict(warning) for warning in warned]
        measured["differences"] = documents.differences(data)
        measured["features"] = documents.described(data)
        measured["parity"] = asdict(exported.parity)
        measured["baseline_parity"] = asdict(simple.parity)
    histograms = reference.document(model, data, parts, task, exported.scores)
    files = {
        MODEL: exported.onnx,
        BASELINE: simple.onnx,
        PLAN: folder.json_bytes(documents.plan(model, data, task)),
        FEATURES: folder.json_bytes(question.to_document(data.service, data.labelled)),
        "metrics.json": folder.json_bytes(measured),
        HISTOGRAMS: folder.json_bytes(histograms),
    }
    with step(watcher, "write the release"):
        written = folder.write(releases, manifest, files)
    return _report(written, task, parts, measured, warned)


def target(model: Model, data: TrainingSet) -> tuple[Task, Labels]:
    """The model's task, and its labels of every row."""
    column, name = data.table[names.LABEL], model.target.column
    task = choice.of_model(model, column, name)
    return task, task.labels(column, name)


def _export(what: str, model: FittedModel, held: NDArray[Any]) -> _Exported:
    """Export a model, and compare the two on the held-out rows of the matrix."""
    scores, exported = model.scores(held), onnx_export.export(model)
    task, numeric = model.fitted.task, len(model.inputs.numeric)
    parity = onnx_export.check_parity(exported, task, held, scores, numeric, what)
    return _Exported(exported, scores, parity)


def _report(
    written: Path,
    task: Task,
    parts: Partition,
    measured: dict[str, Any],
    warned: Sequence[DataWarning],
) -> TrainReport:
    held, first = measured["holdout"], task.shown[0]
    of_baseline = measured["baseline"][task.simple][first]
    return TrainReport(
        release=written.name,
        folder=str(written),
        rows=len(parts.train),
        train_rows=int(parts.train.sum()),
        holdout_rows=held["rows"],
        learned=task.plan(),
        worth={**{name: held[name] for name in task.shown}, f"baseline_{first}": of_baseline},
        parity_largest_difference=measured["parity"]["largest_difference"],
        left_out=measured["left_out"],
        warnings=tuple(str(warning) for warning in warned),
    )
