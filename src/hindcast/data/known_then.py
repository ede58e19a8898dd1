"""Features of spine rows, each out of the records that were known to it."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hindcast import names
from hindcast.compiler import query
from hindcast.compiler.features import CompiledView
from hindcast.compiler.statement import KNEW_LESS
from hindcast.engines.base import Engine, RawTable

# Rows of an entity from which on DuckDB counts them in less time than it searches their instants.
CROWDED = 2_000


def features(view: CompiledView, engine: Engine, raw: RawTable, spine: pa.Table) -> pa.Table:
    """Features and _has_history of each row of the query's spine, in its order."""
    return correct(view, engine, raw, at_once(view, engine, raw, spine), spine)


def at_once(view: CompiledView, engine: Engine, raw: RawTable, spine: pa.Table) -> pa.Table:
    """The same out of the last that any row knew, and _knew_less of those that knew less."""
    known_by = pc.max(spine[names.KNOWN_BY]).as_py()
    entities = spine.group_by(list(view.keys)).aggregate([]).num_rows
    is_crowded = spine.num_rows > CROWDED * entities
    sql = query.historical(view, engine.dialect, known_by, is_crowded)
    return engine.query(sql, raw, spine, source=view.view.source)


def correct(
    view: CompiledView, engine: Engine, raw: RawTable, found: pa.Table, spine: pa.Table
) -> pa.Table:
    """What was found, without _knew_less: rows that knew less are computed anew.

    found: features, _has_history, _knew_less and any other columns. spine: its rows, as the query
    reads them. These rows are few where few records are late or corrected; the others cost nothing.
    """
    knew_less = found[KNEW_LESS]
    found = found.drop_columns([KNEW_LESS])
    rows = spine.filter(knew_less)
    if not rows.num_rows:
        return found
    sql = query.as_known(view, engine.dialect)
    return _replaced(found, knew_less, engine.query(sql, raw, rows, source=view.view.source))


def _replaced(found: pa.Table, where: pa.ChunkedArray, anew: pa.Table) -> pa.Table:
    """A table with the rows of another in the places of a mask, for the columns that it has."""
    before = found.select(anew.column_names)
    both = pa.concat_tables([before, anew.cast(before.schema)])
    positions = np.arange(found.num_rows)
    positions[np.asarray(where)] = np.arange(found.num_rows, both.num_rows)
    return with_columns(found, both.take(pa.array(positions)))


def with_columns(table: pa.Table, columns: pa.Table) -> pa.Table:
    """A table with its columns of these names replaced."""
    for place, name in enumerate(table.column_names):
        if name in columns.column_names:
            table = table.set_column(place, name, columns[name].cast(table[name].type))
    return table
