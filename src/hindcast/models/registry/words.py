"""What people call the metrics, baselines and plots of a release, by its task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hindcast import names

Metrics = Mapping[str, Any]

_IMPORTANCE = "Mean loss and deviation over five shuffles of the holdout."

_FILE = f"{names.SPINE}/"


@dataclass(frozen=True)
class Measure:
    """A metric's name for people, digits after the point, and whether more is better."""

    label: str
    digits: int
    rising: bool


@dataclass(frozen=True)
class Column:
    """A metric as a column of the slices; written: how its numbers are."""

    label: str
    metric: str
    written: Callable[[float], str] = "{:.4f}".format

    def text(self, part: Metrics) -> str:
        """The metric of a slice as people read it."""
        value = part[self.metric]
        return "\N{EN DASH}" if value is None else self.written(value)


def inputs(manifest: Metrics) -> dict[str, str]:
    """Each table or file that a release was trained on, and its version or digest in words."""
    return {
        name: ", ".join(f"{what} {value}" for what, value in sorted(read.items()))
        for name, read in manifest["inputs"].items()
    }


def spine(manifest: Metrics) -> str | None:
    """The name of the file whose rows a release was trained on, if it was one."""
    files = (name.removeprefix(_FILE) for name in manifest["inputs"] if name.startswith(_FILE))
    return next(files, None)


def percent(value: float) -> str:
    """Three digits, such as 0.358%."""
    return f"{value * 100:.3g}%"


_COUNT, _LONG = "{:,}".format, "{:.5f}".format


@dataclass(frozen=True)
class Words:
    """How a release of one task is described.

    measures: metric -> its words, the most important first. baselines: the fitted one and
    the others, as metrics.json and as people name them. counted: the metric that counts what there
    is to judge by. slices: what is shown of each slice. score: what one is called. kind: what
    MLflow calls the model.
    """

    measures: Mapping[str, Measure]
    baselines: Mapping[str, str]
    counted: str
    importance: str
    captions: Mapping[str, str]
    slices: Sequence[Column]
    score: str
    kind: str


_WORDS = {
    "binary": Words(
        measures={
            "roc_auc": Measure("ROC AUC", 4, True),
            "pr_auc": Measure("PR AUC (average precision)", 4, True),
            "ks": Measure("Kolmogorov-Smirnov", 4, True),
            "brier": Measure("Brier score", 5, False),
            "log_loss": Measure("Log loss", 5, False),
            "calibration_error": Measure("Calibration error", 5, False),
        },
        baselines={"logistic_regression": "logistic regression", "prevalence": "prevalence"},
        counted="positives",
        importance="drop in ROC AUC when shuffled",
        captions={
            "roc": "How many positives are found at each share of false alarms.",
            "precision_recall": "How many of those answered 1 are positive, the more of them are "
            "found.",
            "calibration": "Predicted and observed shares in tenths of the rows, with 95% "
            "intervals.",
            "score_distribution": "Probabilities of each class; the less they overlap the better.",
            "confusion": "Answers beside the truth; percentages are of each row.",
            "feature_importance": _IMPORTANCE,
        },
        slices=(
            Column("rows", "rows", _COUNT),
            Column("positives", "positives", _COUNT),
            Column("observed", "prevalence", percent),
            Column("mean predicted", "mean_probability", percent),
            Column("ROC AUC", "roc_auc"),
            Column("PR AUC", "pr_auc"),
            Column("Brier score", "brier", _LONG),
        ),
        score="probability",
        kind="classifier",
    ),
    "multiclass": Words(
        measures={
            "log_loss": Measure("Log loss", 5, False),
            "macro_f1": Measure("Macro F1", 4, True),
            "roc_auc": Measure("ROC AUC, one against the rest", 4, True),
            "accuracy": Measure("Accuracy", 4, True),
            "brier": Measure("Brier score", 5, False),
            "calibration_error": Measure("Calibration error, mean of the classes", 5, False),
        },
        baselines={"logistic_regression": "logistic regression", "prior": "prior"},
        counted="rows",
        importance="rise of the log loss when shuffled",
        captions={
            "calibration": "Predicted and observed shares of each class in tenths of the rows.",
            "confusion": "Answers beside the truth; percentages are of each row.",
            "feature_importance": _IMPORTANCE,
        },
        slices=(
            Column("rows", "rows", _COUNT),
            Column("log loss", "log_loss", _LONG),
            Column("macro F1", "macro_f1"),
            Column("ROC AUC", "roc_auc"),
            Column("accuracy", "accuracy", percent),
        ),
        score="probability",
        kind="classifier",
    ),
    "regression": Words(
        measures={
            "mae": Measure("Mean absolute error", 4, False),
            "rmse": Measure("Root mean squared error", 4, False),
            "r2": Measure("R squared", 4, True),
            "pinball": Measure("Pinball loss of the interval", 4, False),
            "coverage": Measure("Coverage of the interval", 4, True),
            "bias": Measure("Bias", 4, False),
        },
        baselines={"ridge": "ridge", "mean": "mean", "last": "last value"},
        counted="rows",
        importance="rise of the mean absolute error when shuffled",
        captions={
            "calibration": "Mean estimate and mean label in tenths of the rows.",
            "errors": "The error that each share of the rows stays below; the dashed lines are the "
            "interval.",
            "feature_importance": _IMPORTANCE,
        },
        slices=(
            Column("rows", "rows", _COUNT),
            Column("mean label", "mean_label"),
            Column("mean estimate", "mean_estimate"),
            Column("MAE", "mae"),
            Column("RMSE", "rmse"),
            Column("coverage", "coverage", percent),
        ),
        score="estimate",
        kind="regressor",
    ),
}


def task(metrics: Metrics) -> str:
    """The task of a release; one that does not say it is from when all were binary."""
    return str(metrics.get("task", "binary"))


def of(metrics: Metrics) -> Words:
    """The words for a release with these metrics."""
    return _WORDS[task(metrics)]
