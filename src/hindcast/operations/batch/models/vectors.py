"""Whole columns of features to answers: what serving does row by row, for many rows at once."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hindcast.data.training_rows import column_numbers, column_texts
from hindcast.serving.plan import PlanFeature, ServingPlan
from hindcast.serving.scores.binary import BinaryRule
from hindcast.serving.scores.multiclass import MulticlassRule
from hindcast.serving.scores.regression import RegressionRule
from hindcast.serving.values import FLOAT32_MAX, INTEGER_MAX, fault

if TYPE_CHECKING:
    import onnxruntime

Inputs = dict[str, NDArray[Any]]

# Enough that a model whose bits differ with the number of rows differs in one of them.
COMPARED_ROWS = 512
# All rows; or fewer than the four numbers that the smallest vectors of processors hold.
GROUPS = (1 << 31, 3)
PREDICTION, PROBABILITY, LOWER, UPPER = "prediction", "probability", "lower", "upper"


def faults(features: pa.Table, plan: ServingPlan) -> dict[int, str]:
    """Row -> why a model cannot take it, as serving says it of the first such feature."""
    found: dict[int, str] = {}
    for feature in plan.features:
        for row, value in _unusable(features[feature.name], feature):
            found.setdefault(row, f"features.{feature.name}: {fault(value)}")
    return found


def _unusable(column: pa.ChunkedArray, feature: PlanFeature) -> Sequence[tuple[int, Any]]:
    """Places and values of a column that no model takes."""
    if feature.kind in ("string", "boolean"):
        return ()
    if feature.size:
        values = column.to_pylist()
        return [(row, value) for row, value in enumerate(values) if value and fault(value)]
    most = INTEGER_MAX if pa.types.is_integer(column.type) else FLOAT32_MAX
    numbers = column if pa.types.is_integer(column.type) else column.cast(pa.float64())
    within = pc.and_(pc.greater_equal(numbers, -most), pc.less_equal(numbers, most))
    places = np.flatnonzero(~pc.fill_null(within, True).to_numpy(zero_copy_only=False))
    return [(int(row), numbers[int(row)].as_py()) for row in places]


def feed(features: pa.Table, plan: ServingPlan) -> Inputs:
    """The model's inputs for rows of features: numeric [rows, n], categorical [rows, m]."""
    found: Inputs = {}
    if plan.numeric:
        numbers = [each for i in plan.numeric for each in _numbers(features, plan.features[i])]
        found["numeric"] = np.column_stack(numbers).astype(np.float32)
    if plan.categorical:
        names = [plan.features[i].name for i in plan.categorical]
        found["categorical"] = np.column_stack([column_texts(features[name]) for name in names])
    return found


def _numbers(features: pa.Table, feature: PlanFeature) -> list[NDArray[np.float64]]:
    """The columns that a feature enters the model by; those of a missing array are NaN."""
    column = features[feature.name]
    if not feature.size:
        return [column_numbers(column)]
    nothing = [None] * feature.size
    rows = [nothing if value is None else value for value in column.to_pylist()]
    return list(np.array(rows, np.float64).reshape(len(rows), feature.size).T)


class ManyRows:
    """Scores many rows at once, by the very bits that serving gives for each of them alone.

    Some operations, such as a logarithm, round otherwise where the processor does several rows in
    one step. Which group of rows gives the bits of each alone is found on the first rows.
    """

    def __init__(self, session: "onnxruntime.InferenceSession", plan: ServingPlan) -> None:
        self._session, self._plan = session, plan
        self._names = [plan.rule.output] if plan.rule.output else None
        self._group: int | None = None

    def answers(self, features: pa.Table) -> pa.Table:
        """The answers for rows that a model can take, in their order."""
        inputs = feed(features, self._plan)
        if self._group is None and features.num_rows >= COMPARED_ROWS:
            self._group = self._largest(
                {name: values[:COMPARED_ROWS] for name, values in inputs.items()}
            )
        return answers(self._plan, self._run(inputs, self._group or 1))

    def _largest(self, inputs: Inputs) -> int:
        """The most rows that are scored as each of them alone."""
        alone = self._run(inputs, 1)
        alike = (
            size
            for size in GROUPS
            if np.array_equal(self._run(inputs, size), alone, equal_nan=True)
        )
        return next(alike, 1)

    def _run(self, inputs: Inputs, size: int) -> NDArray[Any]:
        """The model's output, by so many rows at a time."""
        starts = range(0, len(next(iter(inputs.values()))), size)
        parts = ({n: each[start : start + size] for n, each in inputs.items()} for start in starts)
        return np.concatenate([self._session.run(self._names, part)[0] for part in parts])


def answers(plan: ServingPlan, output: NDArray[Any]) -> pa.Table:
    """A model's output as the columns of its task.

    prediction and probability; prediction, probability and one of each label; or prediction, lower
    and upper.
    """
    rule = plan.rule
    if isinstance(rule, BinaryRule):
        # As serving compares: the 32-bit number as Python's own.
        positive = output[:, 1].astype(np.float64)
        return pa.table(
            {PREDICTION: (positive >= rule.threshold).astype(np.int64), PROBABILITY: positive}
        )
    if isinstance(rule, MulticlassRule):
        return pa.table(_classes(rule, output.astype(np.float64)))
    assert isinstance(rule, RegressionRule)
    estimate = output.reshape(-1).astype(np.float64)
    return pa.table(
        {
            PREDICTION: estimate,
            LOWER: estimate - rule.half_width,
            UPPER: estimate + rule.half_width,
        }
    )


def _classes(rule: MulticlassRule, output: NDArray[np.float64]) -> Mapping[str, Any]:
    likeliest = output.argmax(axis=1)
    labels = pa.array(rule.classes).take(pa.array(likeliest))
    each = {f"{PROBABILITY}_{label}": output[:, place] for place, label in enumerate(rule.classes)}
    return {PREDICTION: labels, PROBABILITY: output.max(axis=1), **each}


def is_finite(found: pa.Table) -> NDArray[np.bool_]:
    """Which rows' answers are all numbers; a model may overflow on values that it can take."""
    good = np.ones(found.num_rows, bool)
    for column in found.columns:
        if pa.types.is_floating(column.type):
            good &= np.isfinite(column.to_numpy())
    return good
