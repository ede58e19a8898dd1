"""Which labelled events are trained on, and why the others are not."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.service import of_view
from hindcast.data import training_set
from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import ColdStart, Feature, FeatureView, prior
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.lake import Lake
from tests.labels import own_label
from tests.unit.compiler.loans import LOANS as LOANS_SOURCE
from tests.unit.compiler.loans import RAW, Rows, as_of, at, loan, view_of

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
        of_view(VIEW),
        own_label(VIEW.view.source, timedelta(days=60)),
        cold_start,
        DuckDBEngine(),
        Lake(str(tmp_path)),
        as_of(at(2021, 9, 17)),
    )
    assert rows.table["since"].to_pylist() == days
    assert rows.left_out == left_out
    assert rows.table.column_names == ["id", "event_timestamp", "tiebreaker", "since", "label"]


COUNT = Feature("loans", "count(*)", over=prior())
TOTAL = Feature("total", "sum(amount)", over=prior())
AGE = Feature("age", "days_between(birthday, as_of)")


def trained(folder: Path, view: CompiledView, loans: Rows, per_row: bool = True) -> TrainingSet:
    """The training set of loans; each row by its own knowledge, or all by what is known now."""
    write_deltalake(str(folder / "raw" / "loans"), pa.Table.from_pylist(loans, RAW))
    knowledge = replace(as_of(at(2021, 9, 17)), per_row=per_row)
    lake, labelled = Lake(str(folder)), own_label(view.view.source, timedelta(days=60))
    return training_set.build(of_view(view), labelled, "answer", DuckDBEngine(), lake, knowledge)


REVISED = [
    loan(1, at(2021, 1, 1), "10"),
    loan(2, at(2021, 1, 2), "20", recorded_at=at(2021, 2, 1)),
    loan(1, at(2021, 1, 1), "999", recorded_at=at(2021, 2, 1)),
    loan(3, at(2021, 1, 3), recorded_at=at(2021, 1, 5)),
    loan(3, at(2021, 1, 3), recorded_at=at(2021, 2, 1), _retraction="entered twice"),
    loan(4, at(2021, 1, 10)),
    loan(5, at(2021, 2, 1)),
]


def test_a_row_does_not_know_what_was_recorded_late_corrected_or_withdrawn_after_it(
    tmp_path: Path,
) -> None:
    rows = trained(tmp_path, view_of(COUNT, TOTAL), REVISED)
    assert rows.table["tiebreaker"].to_pylist() == [1, 2, 4, 5]
    assert rows.table["loans"].to_pylist() == [0, 1, 2, 3]
    assert rows.table["total"].to_pylist() == [None, 10, 110, 1119]
    assert rows.revised == {"loans": 0.0, "total": 0.5}


def test_one_knowledge_for_all_rows_is_a_choice(tmp_path: Path) -> None:
    rows = trained(tmp_path, view_of(TOTAL), REVISED, per_row=False)
    assert rows.table["total"].to_pylist() == [None, 999, 1019, 1119]
    assert (rows.revised, rows.knowledge.per_row) == ({"total": 0.0}, False)


def test_a_source_that_does_not_say_when_it_learned_has_one_knowledge(tmp_path: Path) -> None:
    silent = compile_view(FeatureView("history", replace(LOANS_SOURCE, recorded_at=None), [TOTAL]))
    rows = trained(tmp_path, silent, REVISED)
    assert rows.table["total"].to_pylist() == [None, 999, 1019, 1119]
    assert not rows.knowledge.per_row


def test_where_a_view_is_refreshed_daily_a_row_sees_its_last_refresh_and_its_own_age(
    tmp_path: Path,
) -> None:
    loans = [
        loan(1, at(2021, 1, 1, 1)),
        loan(2, at(2021, 1, 2, 1)),
        loan(3, at(2021, 1, 2, 2)),
        loan(4, at(2021, 1, 2, 3)),
    ]
    daily = FeatureView("history", LOANS_SOURCE, [COUNT, AGE], refreshed="daily 02:00")
    rows = trained(tmp_path, compile_view(daily), loans)
    assert rows.table["loans"].to_pylist() == [0, 1, 2, 2]
    assert rows.outdated == {"loans": 0.25, "age": 0.0}
