"""Many rows are scored by the bits that serving gives for each of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from hindcast.operations.batch.models import vectors
from hindcast.serving import release
from hindcast.serving.scorer import Scorer
from tests.unit.serving import sample_release

TASKS: dict[str, dict[str, Any]] = {
    "binary": {},
    "multiclass": sample_release.MULTICLASS,
    "regression": sample_release.REGRESSION,
}
ROWS = 700


def features() -> pa.Table:
    """Rows of values that differ in all their bits, a null here and there."""
    made = np.random.default_rng(11)
    numbers = made.normal(0, 1e5, ROWS)
    return pa.table(
        {
            "nb_previous_loans": pa.array(made.integers(0, 90, ROWS)),
            "income": pa.array(numbers, mask=made.random(ROWS) < 0.1),
            "flag_own_car": pa.array(made.random(ROWS) < 0.5),
            "age": pa.array(made.integers(18, 90, ROWS)),
        }
    )


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_those_of_the_service_bit_for_bit(tmp_path: Path, task: str) -> None:
    opened = release.load(sample_release.write(tmp_path, **TASKS[task]))
    found = vectors.ManyRows(opened.session, opened.plan).answers(features())
    scorer = Scorer(opened)
    alone = [scorer.score(list(row.values())).document for row in features().to_pylist()]
    assert found["prediction"].to_pylist() == [each["prediction"] for each in alone]
    if task == "binary":
        assert found["probability"].to_pylist() == [each["probability"] for each in alone]
    if task == "multiclass":
        for label in sample_release.CLASSES:
            expected = [each["probabilities"][label] for each in alone]
            assert found[f"probability_{label}"].to_pylist() == expected
    if task == "regression":
        both = zip(found["lower"].to_pylist(), found["upper"].to_pylist(), strict=True)
        assert [list(each) for each in both] == [each["interval"] for each in alone]


class Rounding:
    """A model's session that rounds otherwise as soon as it is given more than so many rows."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.calls: list[int] = []

    def run(self, names: Any, inputs: dict[str, Any]) -> list[Any]:
        rows = len(inputs["numeric"])
        self.calls.append(rows)
        positive = np.full(rows, 0.5 if rows > self.most else 0.25)
        return [np.column_stack([1 - positive, positive])]


@pytest.mark.parametrize(("most", "group"), [(ROWS, ROWS), (5, 3), (3, 3), (2, 1)])
def test_rows_go_together_as_far_as_they_are_scored_as_alone(
    tmp_path: Path, most: int, group: int
) -> None:
    plan = release.load(sample_release.write(tmp_path)).plan
    session = Rounding(most)
    many = vectors.ManyRows(session, plan)
    many.answers(features())
    session.calls.clear()
    many.answers(features())
    assert max(session.calls) == group


def test_few_rows_say_nothing_of_how_many_rows_are_scored(tmp_path: Path) -> None:
    plan = release.load(sample_release.write(tmp_path)).plan
    session = Rounding(3)
    many = vectors.ManyRows(session, plan)
    many.answers(features().slice(0, 2))
    assert session.calls == [1, 1]
