"""The histograms of a window, counted by the engine in one scan of a table."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from hindcast.compiler.quoting import literal
from hindcast.engines.base import Engine, RawTable
from hindcast.operations.drift.reference import Bins, Counts, Reference, Slice

# How many unseen categories are named.
EXAMPLES = 3
Counted = Mapping[Slice | None, Mapping[str, Counts]]


@dataclass(frozen=True)
class CountedRows:
    """Rows of a table by SQL of DuckDB. source: what is selected from, `raw` being the table.

    values: column -> its number or text. slices: feature -> its value as text.
    """

    source: str
    values: Mapping[str, str]
    slices: Mapping[str, str]


def number(value: str) -> str:
    """A value as a model reads a number; null is what is none."""
    double = f"CAST({value} AS DOUBLE)"
    # Not isnan: Parquet's statistics leave NaN out, and DuckDB takes them for a proof of none.
    return f"CASE WHEN isfinite({double}) THEN {double} END"


def text(value: str) -> str:
    """A value as a model reads a text; null is the empty one."""
    return f"nullif({value}, '')"


def count(engine: Engine, table: RawTable, rows: CountedRows, reference: Reference) -> Counted:
    """Rows of each column by the bins of a reference: of all rows, under None, and of its slices.

    Memory is that of the counts: nothing is kept of a row once it is counted.
    """
    columns = [name for name in reference.bins if name in rows.values]
    slices = {name: v for name, v in reference.slices.items() if name in rows.slices}
    found = engine.query(_sql(rows, reference.bins, columns, slices), table).to_pylist()
    return {
        part: {
            name: _counts(reference.bins[name], row, place) for place, name in enumerate(columns)
        }
        for row in found
        if (part := _slice(row, list(slices))) is None or part.value is not None
    }


def _sql(
    rows: CountedRows,
    bins: Mapping[str, Bins],
    columns: Sequence[str],
    slices: Mapping[str, Sequence[str]],
) -> str:
    values = [f"{rows.values[name]} AS v{place}" for place, name in enumerate(columns)]
    parts = [
        f"{_known(rows.slices[name], known)} AS s{place}"
        for place, (name, known) in enumerate(slices.items())
    ]
    wanted = chain.from_iterable(
        _aggregates(bins[name], f"v{place}", place) for place, name in enumerate(columns)
    )
    keys = [f"s{place}" for place in range(len(slices))]
    sets = ", ".join(["()", *(f"({key})" for key in keys)])
    grouping = [f"GROUPING({key}) AS g{place}" for place, key in enumerate(keys)]
    return (
        f"WITH counted AS (SELECT {', '.join([*values, *parts])} FROM {rows.source}) "
        f"SELECT {', '.join([*keys, *grouping, 'count(*) AS rows_', *wanted])} "
        f"FROM counted GROUP BY GROUPING SETS ({sets})"
    )


def _known(value: str, known: Sequence[str]) -> str:
    """A slice's value as training had it; null for another, so that there are no more groups."""
    value = f"coalesce({value}, '')"
    return f"CASE WHEN {value} IN ({', '.join(map(literal, known))}) THEN {value} END"


def _aggregates(bins: Bins, value: str, place: int) -> Iterator[str]:
    """The histogram of a value, h; the rows that have one, p; and categories not seen before, e."""
    yield f"count({value}) AS p{place}"
    if not bins.is_numeric:
        names = f"[{', '.join(map(literal, bins.categories))}]::VARCHAR[]"
        yield f"histogram_exact({value}, {names}) AS h{place}"
        if not bins.rest:
            is_unseen = f"NOT list_contains({names}, {value})"
            yield f"approx_top_k(CASE WHEN {is_unseen} THEN {value} END, {EXAMPLES}) AS e{place}"
    elif bins.edges:
        ends = ", ".join(f"'{end!r}'::DOUBLE" for end in _ends(bins.edges))
        yield f"histogram({value}, [{ends}]) AS h{place}"


def _ends(edges: Sequence[float]) -> Iterable[float]:
    """The greatest value of each bin, the one below all bins first.

    DuckDB's bins hold their upper end, and a reference's their lower one, but for the last.
    """
    *lower, last = edges
    return [*(float(np.nextafter(edge, -np.inf)) for edge in lower), float(last)]


def _slice(row: Mapping[str, Any], features: Sequence[str]) -> Slice | None:
    for place, feature in enumerate(features):
        if row[f"g{place}"] == 0:
            return Slice(feature, row[f"s{place}"])
    return None


def _counts(bins: Bins, row: Mapping[str, Any], place: int) -> Counts:
    nulls = row["rows_"] - row[f"p{place}"]
    if not bins.is_numeric:
        return _categories(bins, dict(row[f"h{place}"] or []), nulls, row.get(f"e{place}") or ())
    if not bins.edges:
        return Counts(np.zeros(0, np.int64), (0, row[f"p{place}"]), nulls)
    found = [rows for _, rows in row[f"h{place}"] or []]
    # Without any value there is no histogram, and without a greater one no bin of these.
    below, *inside, above = found + [0] * (len(bins.edges) + 1 - len(found))
    return Counts(np.array(inside, dtype=np.int64), (below, above), nulls)


def _categories(
    bins: Bins, found: Mapping[str, int], nulls: int, examples: Iterable[str]
) -> Counts:
    inside = [found.get(name, 0) for name in bins.categories]
    rest = found.get("", 0)
    inside, unseen = ([*inside, rest], ()) if bins.rest else (inside, (rest,))
    return Counts(np.array(inside, dtype=np.int64), unseen, nulls, tuple(examples))
