"""Which training rows look as if they knew the outcome, or say nothing, each named."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import Split
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.training import inspection, split
from tests.labels import own_label
from tests.unit.models.training import samples

ALL = ("kind", *samples.NUMBERS)


def with_column(name: str, values: Any, kind: pa.DataType) -> TrainingSet:
    data = samples.training_set(ALL)
    filled = pa.array(values, kind, from_pandas=True)
    table = data.table.set_column(data.table.column_names.index(name), name, filled)
    return replace(data, table=table)


def warned(data: TrainingSet) -> list[tuple[str | None, str]]:
    found = inspection.warnings(TASK, data, labels_of(data), split.of(data, Split()))
    return [(warning.feature, warning.message) for warning in found]


TASK = Binary(0.5)


def labels_of(data: TrainingSet) -> np.ndarray:
    return TASK.labels(data.table["label"], "events.label")


LABELS = labels_of(samples.training_set())
ROWS = len(LABELS)


def test_honest_rows_are_warned_of_nothing() -> None:
    assert warned(samples.training_set(ALL)) == []


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("amount", LABELS * 10.0 + np.arange(ROWS) % 7, pa.float64()),
        ("amount", -LABELS * 10.0, pa.float64()),
        ("amount", np.where(LABELS == 1, np.nan, np.arange(ROWS) % 5), pa.float64()),
        ("amount", np.where(LABELS == 0, np.nan, 1.0), pa.float64()),
        ("flag", LABELS == 1, pa.bool_()),
        ("kind", np.where(LABELS == 1, "overdue", "paid"), pa.string()),
    ],
)
def test_a_feature_that_knows_the_outcome_is_named(
    name: str, values: Any, kind: pa.DataType
) -> None:
    leaks = [found for found in warned(with_column(name, values, kind)) if "apart" in found[1]]
    assert [feature for feature, _ in leaks] == [name]
    assert "tells the labels apart almost perfectly alone (ROC AUC 1.0000)" in leaks[0][1]


def test_a_text_of_its_own_on_each_row_does_not_know_the_outcome() -> None:
    unique = [f"reference {row}" for row in range(ROWS)]
    assert warned(with_column("kind", unique, pa.string())) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full(ROWS, 3.0), "is 3.0 in every training row, so that a model learns nothing"),
        (np.where(np.arange(ROWS) % 2, np.nan, 3.0), "is 3.0 in every training row that has it"),
        (np.where(np.arange(ROWS) % 200, np.nan, np.arange(ROWS)), "training rows"),
    ],
)
def test_a_feature_that_says_nothing_is_named(values: Any, message: str) -> None:
    ((feature, said),) = warned(with_column("amount", values, pa.float64()))
    assert feature == "amount"
    assert message in said


def test_a_feature_that_was_revised_since_is_named_with_the_share_of_its_rows() -> None:
    data, rows = samples.training_set(ALL), np.arange(4000)
    revised = {"events": rows < 0, "amount": rows < 5}
    ((feature, said),) = warned(replace(data, is_revised=revised))
    assert feature == "amount"
    assert said.startswith("differs in 0.125% of the rows from its value by what is known now")


def test_an_entity_under_two_spellings_on_both_sides_is_named() -> None:
    data = with_column("key", [f"A{row // 10}" for row in range(ROWS)], pa.string())
    schema = {**samples.SOURCE.schema, "key": "string"}
    data = replace(data, labelled=own_label(replace(samples.SOURCE, schema=schema)))
    assert warned(data) == []
    spelled = pa.array(key.lower() if row % 2 else key for row, key in enumerate(data.groups()))
    table = data.table.set_column(data.table.column_names.index("key"), "key", spelled)
    ((feature, said),) = warned(replace(data, table=table))
    assert feature is None
    assert "may be on both sides of the split under two spellings of their key" in said
    assert "such as 'a105' and 'A105'" in said
