"""Which labelled events are trained on, and why the others are not."""

from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from hindcast.data import training_set
from hindcast.definitions import ColdStart, Feature, prior
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.lake import Lake
from tests.unit.compiler.loans import RAW, as_of, at, loan, view_of

VIEW = view_of(Feature("since", "days_between(max(loan_date), as_of)", over=prior()))
LOANS = [
    loan(1, at(2021, 1, 1)),
    loan(2, at(2021, 1, 11)),
    loan(3, at(2021, 3, 1), id=2),
    loan(4, at(2021, 8, 1)),
    loan(5, at(2021, 1, 31), status=None),
]


@pytest.mark.parametrize(
    ("cold_start", "days", "left_out"),
    [
        ("refuse", [10], {"label not mature yet": 1, "no earlier event": 2}),
        ("answer", [None, 10, None], {"label not mature yet": 1}),
    ],
)
def test_a_first_event_is_trained_on_only_where_serving_answers_without_a_history(
    tmp_path: Path, cold_start: ColdStart, days: list[int | None], left_out: dict[str, int]
) -> None:
    write_deltalake(str(tmp_path / "raw" / "loans"), pa.Table.from_pylist(LOANS, RAW))
    rows = training_set.build(
        VIEW,
        ["since"],
        timedelta(days=60),
        cold_start,
        DuckDBEngine(),
        Lake(str(tmp_path)),
        as_of(at(2021, 9, 17)),
    )
    assert rows.table["since"].to_pylist() == days
    assert rows.left_out == left_out
    assert rows.table.column_names == ["id", "event_timestamp", "tiebreaker", "since", "label"]
