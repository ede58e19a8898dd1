"""Models that classify labels: probabilities of each class, the likeliest is the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from hindcast.definitions import TASKS, Model
from hindcast.errors import TrainingError
from hindcast.models.tasks import estimator as estimators
from hindcast.models.tasks.base import Fitted, Labels, Possible, Reals, Skill, TrainingRows
from hindcast.models.tasks.folds import fit_out_of_fold, require_each
from hindcast.models.tasks.multiclass import metrics
from hindcast.models.tasks.multiclass.calibration import temperature
from hindcast.models.tasks.sampling import some

# Nearer to each other than this, float32 may choose the other of two classes.
UNDECIDED = 1e-6
MOST_CLASSES = 100


@dataclass(frozen=True)
class Multiclass:
    """Labels are places in `classes`, which are strings or integers in their order."""

    classes: tuple[str | int, ...]

    name: ClassVar[str] = "multiclass"
    compared: ClassVar[tuple[str, ...]] = TASKS["multiclass"].compared
    shown: ClassVar[tuple[str, ...]] = ("log_loss", "macro_f1", "roc_auc", "accuracy", "brier")
    simple: ClassVar[str] = "logistic_regression"
    evidence: ClassVar[str] = "rows"
    skill: ClassVar[Skill] = Skill("roc_auc", 0.5, "probability_range", "probabilities")

    def labels(self, column: pa.ChunkedArray, name: str) -> NDArray[np.int64]:
        """The place of each row's label; raises TrainingError for one that is no class."""
        places = {value: place for place, value in enumerate(self.classes)}
        values = column.to_pylist()
        unknown = sorted({str(value) for value in values if value not in places})
        if unknown:
            raise TrainingError(
                f"label '{name}' is '{unknown[0]}' in some rows, which is none of the classes "
                f"that the model was trained on: {', '.join(self.texts)}; train again"
            )
        return np.array([places[value] for value in values], np.int64)

    @property
    def texts(self) -> tuple[str, ...]:
        """The classes as documents name them."""
        return tuple(map(str, self.classes))

    def require_enough(self, labels: Labels, groups: NDArray[Any] | None) -> None:
        """Raise TrainingError where few entities have one of the labels."""
        names = {place: f"label '{text}'" for place, text in enumerate(self.texts)}
        fix = "train on more data, or join rare labels in the source"
        require_each(labels, groups, names, fix)

    @property
    def answers(self) -> str:
        """One of the classes."""
        return f"one of {', '.join(self.texts)}"

    def composition(self, labels: Labels) -> dict[str, Any]:
        """How many rows there are of each class."""
        counts = np.bincount(labels, minlength=len(self.classes)).tolist()
        return {"classes": dict(zip(self.texts, counts, strict=True))}

    def outcomes(self, labels: Labels) -> Mapping[str, NDArray[np.int64]]:
        """Each class against the rest."""
        return {
            f"label '{text}' and the others": (labels == place).astype(np.int64)
            for place, text in enumerate(self.texts)
        }

    def fit(self, model: Model, rows: TrainingRows) -> Fitted:
        """Fit the estimator on all rows, its temperature chosen by predictions out of fold."""
        whole, scores = fit_out_of_fold(
            rows,
            model.seed,
            lambda part: estimators.fitted(model, part.frame, part.labels),
            self.predict,
        )
        return Fitted(whole, self, temperature(rows.labels, scores))

    def baseline(self, seed: int) -> Any:
        """Multinomial logistic regression on imputed and scaled numbers."""
        numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
        return make_pipeline(numbers, LogisticRegression(max_iter=1_000, random_state=seed))

    def unfitted(self, known: Labels, last: Reals) -> dict[str, Reals]:
        """The share of each class among the known labels."""
        shares = np.bincount(known, minlength=len(self.classes)) / len(known)
        return {"prior": np.tile(shares, (len(last), 1))}

    def predict(self, estimator: Any, frame: Any) -> Reals:
        """Probabilities, [rows, classes]."""
        return estimators.probabilities(estimator, frame, len(self.classes))

    def scores(self, output: Reals) -> Reals:
        """The output as it is."""
        return output

    def distance(self, got: Reals, expected: Reals) -> tuple[float, int]:
        """The largest difference of probabilities, and answers that are others."""
        highest = np.sort(expected, axis=1)
        decided = highest[:, -1] - highest[:, -2] > UNDECIDED
        others = (metrics.answers(got) != metrics.answers(expected)) & decided
        return float(np.max(np.abs(got - expected), initial=0.0)), int(others.sum())

    def evaluate(self, labels: Labels, scores: Reals) -> dict[str, Any]:
        """All metrics of one model on one set of rows."""
        return metrics.evaluate(labels, scores, self.texts)

    def resampled(self, labels: Labels, scores: Reals) -> "Losses":
        """What each row costs."""
        return Losses(labels, scores)

    def worth(self, labels: Labels, scores: Reals) -> float:
        """The log loss, negative."""
        return -float(metrics.losses(labels, scores).mean())

    def judged(self, labels: Labels, random: np.random.Generator) -> NDArray[np.int64]:
        """Rows as they come."""
        return some(len(labels), random)

    def drawings(self, labels: Labels, scores: Reals, baseline: Reals) -> dict[str, Any]:
        """Nothing: the metrics hold the confusion and each class's calibration."""
        return {}

    def answered(self, scores: Reals) -> NDArray[Any]:
        """The likeliest class."""
        return np.array(self.texts, dtype=object)[metrics.answers(scores)]

    def logged(self, answers: Sequence[Mapping[str, Any]]) -> Reals:
        """The probabilities of each answer, [rows, classes]."""
        found = [answer["probabilities"] for answer in answers]
        rows = [[float(each[text]) for text in self.texts] for each in found]
        return np.array(rows).reshape(len(rows), len(self.texts))

    def uncertainty(self, labels: Labels, scores: Reals) -> dict[str, Any]:
        """Nothing: calibrated probabilities say themselves how sure they are."""
        return {}

    def possible(self, scores: Reals, uncertainty: Mapping[str, Any]) -> Possible:
        """Each class by its probability (NannyML's CBPE)."""
        rows, classes = scores.shape
        labels = np.repeat(np.arange(classes), rows)
        return Possible(labels, np.tile(scores, (classes, 1)), scores.T.ravel())

    def plan(self) -> dict[str, Any]:
        """The classes, in the order of the probabilities."""
        return {"classes": list(self.classes)}


class Losses:
    """The rows of one score vector, so that a weighted metric is a sum."""

    def __init__(self, labels: Labels, scores: Reals) -> None:
        self._labels, self._scores = labels, scores
        self._losses = metrics.losses(labels, scores)
        self._squares = metrics.squares(labels, scores)

    def measure(self, weights: NDArray[Any]) -> Reals:
        """Log loss, Brier score, accuracy and macro F1; NaN where no row has a weight."""
        total = weights.sum()
        if not total:
            return np.full(4, np.nan)
        # Not a dot product: BLAS adds in another order with another number of threads.
        costs = [(weights * each).sum() / total for each in (self._losses, self._squares)]
        counts = metrics.confusion(self._labels, self._scores, weights)
        return np.array([*costs, np.trace(counts) / total, metrics.macro_f1(counts)])


def of_labels(column: pa.ChunkedArray, name: str) -> Multiclass:
    """The task of the labels that there are; raises TrainingError for fewer than two."""
    classes = sorted(column.unique().to_pylist())
    if not 2 <= len(classes) <= MOST_CLASSES:
        raise TrainingError(
            f"label '{name}' has {len(classes)} values, and a multiclass model learns 2 to "
            f"{MOST_CLASSES}"
        )
    return Multiclass(tuple(classes))
