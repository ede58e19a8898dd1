"""Counting: the engine's histograms of rows are those that training makes of the same rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from hindcast.engines.duckdb import DuckDBEngine
from hindcast.models.tasks import histograms
from hindcast.operations.drift import counting
from hindcast.operations.drift.counting import Counted, CountedRows
from hindcast.operations.drift.reference import Bins, Counts, Reference, Slice

NUMBERS: dict[str, Sequence[float | None]] = {
    "many": [*map(float, range(97)), None, None, None],
    "crowded": [0.0] * 60 + [*map(float, range(40))],
    "few": [0.0, 1.0, 2.0, 2.0] * 25,
    "truth": [0.0, 1.0] * 50,
    "constant": [7.5] * 100,
    "absent": [None] * 100,
    "tiny": [1e-300 * value for value in range(100)],
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_counted_as_training_counts_them(tmp_path: Path, name: str) -> None:
    values = np.array(NUMBERS[name], dtype=np.float64)
    document = histograms.numbers(values)
    found = counted(tmp_path, {"x": pa.array(values)}, {"x": document})[None]["x"]
    assert found.bins.tolist() == document["counts"]
    assert (found.unseen, found.nulls) == ((0, 0), document["nulls"])


def test_values_that_training_had_none_of_are_counted_apart(tmp_path: Path) -> None:
    document = histograms.numbers(np.array([0.0, 1.0, 2.0]))
    values = pa.array([-1.0, 0.0, 2.0, 3.0, 4.0, float("nan"), None])
    found = counted(tmp_path, {"x": values}, {"x": document})[None]["x"]
    assert (found.bins.tolist(), found.unseen, found.nulls) == ([1, 0, 1], (1, 2), 2)


def test_categories_are_counted_by_name_and_new_ones_are_named(tmp_path: Path) -> None:
    document = histograms.categories(np.array(["a", "a", "b", ""], dtype=object))
    values = pa.array(["b", "c'", "c'", "d", "", None])
    found = counted(tmp_path, {"x": values}, {"x": document})[None]["x"]
    assert (found.bins.tolist(), found.unseen, found.nulls) == ([0, 1], (3,), 2)
    assert found.examples == ("c'", "d")


def test_the_rest_of_many_categories_is_one_of_them(tmp_path: Path) -> None:
    names = np.array([f"c{number}" for number in range(histograms.CATEGORIES + 5)], dtype=object)
    document = histograms.categories(names)
    found = counted(tmp_path, {"x": pa.array([*names, "new"])}, {"x": document})[None]["x"]
    assert (found.bins[-1], found.unseen) == (6, ())


def test_slices_are_counted_in_the_same_scan(tmp_path: Path) -> None:
    document = histograms.numbers(np.arange(4.0))
    kinds = pa.array(["a", "a", "b", "other", None])
    numbers = pa.array([0.0, 3.0, 3.0, 1.0, 2.0])
    parts = {Slice("kind", "a"), Slice("kind", "b"), Slice("kind", "")}
    found = counted(tmp_path, {"x": numbers, "kind": kinds}, {"x": document}, parts)
    assert {part: each["x"].bins.tolist() for part, each in found.items()} == {
        None: [1, 1, 1, 2],
        Slice("kind", "a"): [1, 0, 0, 1],
        Slice("kind", "b"): [0, 0, 0, 1],
        Slice("kind", ""): [0, 0, 1, 0],
    }


def test_no_rows_are_counted_as_none(tmp_path: Path) -> None:
    document = histograms.numbers(np.arange(4.0))
    found = counted(tmp_path, {"x": pa.array([], pa.float64())}, {"x": document})[None]["x"]
    assert found.rows == 0


def counted(
    folder: Path,
    columns: dict[str, pa.Array],
    documents: dict[str, Any],
    parts: set[Slice] | frozenset[Slice] = frozenset(),
) -> Counted:
    """The counts of a table by the bins of some histograms."""
    write_deltalake(str(folder / "table"), pa.table(columns))
    bins = {name: Bins.of(each) for name, each in documents.items()}
    known = {name: bins[name].counts(each) for name, each in documents.items()}
    counts: dict[Slice | None, dict[str, Counts]] = dict.fromkeys((None, *parts), known)
    is_text = {name: pa.types.is_string(each.type) for name, each in columns.items()}
    values = {
        name: counting.text(name) if is_text[name] else counting.number(name) for name in columns
    }
    rows = CountedRows("raw", values, {"kind": "kind"})
    table = DeltaTable(str(folder / "table"))
    return counting.count(DuckDBEngine(), table, rows, Reference(bins, counts))
