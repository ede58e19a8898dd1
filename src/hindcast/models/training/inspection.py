"""What the training rows say of the features: what stops a training, and what it warns of."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from hindcast.compiler.features import CompiledFeature
from hindcast.data.training_rows import TrainingSet, column_numbers
from hindcast.errors import TrainingError
from hindcast.models.tasks.base import Labels, Task
from hindcast.models.tasks.sampling import balanced
from hindcast.models.training.split import Partition

Outcome = NDArray[np.int64]
# The ROC AUC from which a single feature looks as if it knew the outcome.
ALMOST_PERFECT = 0.99
# The share of nulls from which a feature is almost always null.
ALMOST_NULL = 0.99
# With fewer rows of a label, a feature may tell the labels apart by chance.
LEAST_OF_A_LABEL = 10


@dataclass(frozen=True)
class DataWarning:
    """What is odd about the training rows; feature is None where it is about the entities."""

    feature: str | None
    message: str

    def __str__(self) -> str:
        """The line that people read."""
        return f"{self.feature or 'entities'}: {self.message}"


def require_values(data: TrainingSet, parts: Partition) -> None:
    """Raise TrainingError naming a feature that no training row has a value of."""
    known = data.table.filter(pa.array(parts.train))
    for feature in data.features:
        if known[feature.columns[0]].null_count == len(known):
            raise TrainingError(
                f"feature '{feature.name}' has no value in any of the {len(known)} training rows; "
                "leave it out of the model, or ingest what it is computed from"
            )


def warnings(
    task: Task, data: TrainingSet, labels: Labels, parts: Partition
) -> tuple[DataWarning, ...]:
    """Features that say nothing or too much, and entities on both sides of the split.

    labels: the task's, of each row of the training set.
    """
    known = data.table.filter(pa.array(parts.train))
    says_nothing = [
        found
        for feature in data.features
        for column in feature.columns
        for found in _says_nothing(column, feature, known)
    ]
    leaks = (*_leaks(task, data, labels, parts), *_revised(data), *_two_spellings(data, parts))
    return (*says_nothing, *leaks)


def _says_nothing(name: str, feature: CompiledFeature, known: pa.Table) -> Iterator[DataWarning]:
    """A column of a feature that is almost always null or constant."""
    column = known[name]
    if column.null_count >= ALMOST_NULL * len(column):
        rows = f"{column.null_count:,} of {len(column):,} training rows"
        yield DataWarning(name, f"is null in {rows}")
        return
    if pc.count_distinct(column, mode="only_valid").as_py() > 1:
        return
    value = column.drop_null()[0].as_py()
    every = "every training row that has it" if column.null_count else "every training row"
    message = f"is {value} in {every}, so that a model learns nothing from it"
    if feature.kind == "request" and not value:
        message += "; as_of is the row's own event timestamp, so it may be zero by construction"
    yield DataWarning(name, message)


def _leaks(
    task: Task, data: TrainingSet, labels: Labels, parts: Partition
) -> Iterator[DataWarning]:
    """Features each of which knows the label alone; each is named once."""
    found: dict[str, DataWarning] = {}
    for what, outcome in task.outcomes(labels).items():
        for warning in _almost_perfect(what, data, outcome, parts):
            found.setdefault(str(warning.feature), warning)
    yield from found.values()


def _almost_perfect(
    what: str, data: TrainingSet, outcome: Outcome, parts: Partition
) -> Iterator[DataWarning]:
    """Features each of which tells 0 and 1 apart alone, as if they knew the outcome."""
    train = np.flatnonzero(parts.train)
    rows = train[balanced(outcome[train], np.random.default_rng(0))]
    if np.bincount(outcome[rows], minlength=2).min() < LEAST_OF_A_LABEL:
        return
    for name in (*data.numeric, *data.categorical):
        column = data.table[name]
        is_text = name in data.categorical
        values = _shares(column, outcome, parts) if is_text else column_numbers(column)
        area = _area(outcome[rows], values[rows])
        if area >= ALMOST_PERFECT:
            yield DataWarning(
                name,
                f"tells {what} apart almost perfectly alone (ROC AUC {area:.4f}); "
                "see whether it knows the outcome",
            )


def _revised(data: TrainingSet) -> Iterator[DataWarning]:
    """Features that late or corrected records changed after the rows' own instants."""
    for feature, share in data.revised.items():
        if share:
            yield DataWarning(
                feature,
                f"differs in {share:.3%} of the rows from its value by what is known now, which "
                "would know the future; trained on as known then",
            )


def _area(labels: Outcome, values: NDArray[np.float64]) -> float:
    """ROC AUC of a feature alone, whichever way it points and wherever its nulls (NaN) stand."""
    _, ranks = np.unique(values, return_inverse=True)
    nulls_first = np.where(np.isnan(values), -1, ranks)
    areas = [float(roc_auc_score(labels, order)) for order in (ranks, nulls_first)]
    return max(max(area, 1 - area) for area in areas)


def _shares(column: pa.ChunkedArray, labels: Outcome, parts: Partition) -> NDArray[np.float64]:
    """Per row the share of 1 among the held-out rows of its text.

    Not among the training rows: a text of one row would tell that row's own label.
    """
    coded = pc.fill_null(column, "").combine_chunks().dictionary_encode()
    codes, texts = coded.indices.to_numpy(), len(coded.dictionary)
    held = codes[parts.holdout]
    rows = np.bincount(held, minlength=texts)
    ones = np.bincount(held, labels[parts.holdout], minlength=texts)
    shares = np.divide(ones, rows, out=np.full(texts, labels.mean()), where=rows > 0)
    return np.asarray(shares[codes])


def _two_spellings(data: TrainingSet, parts: Partition) -> Iterator[DataWarning]:
    """Text keys that differ in case or outer spaces alone, one in each part.

    The split keeps an entity on one side, but knows it by its exact key.
    """
    groups = parts.groups
    if groups is None:
        return
    events = data.labelled.events
    if all(events.types[column].kind != "string" for column in events.key_columns(events.first)):
        return
    train, held = (_by_plain_key(groups[part]) for part in (parts.train, parts.holdout))
    both = sorted(train.keys() & held.keys())
    if both:
        example = f"{train[both[0]]!r} and {held[both[0]]!r}"
        yield DataWarning(
            None,
            f"{len(both):,} may be on both sides of the split under two spellings of their key, "
            f"such as {example}; spell keys alike, for the holdout must be new to the model",
        )


def _by_plain_key(keys: NDArray[Any]) -> dict[str, str]:
    return {key.strip().casefold(): key for key in np.unique(keys.astype(str)).tolist()}
