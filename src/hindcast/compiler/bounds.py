"""Windows of a length as frames of rows, for DuckDB: each end is looked up once, by an ASOF join.

A RANGE frame finds its ends anew for every aggregate, which takes DuckDB several times as long
where an entity has many rows; where it has few, the join does.
"""

from hindcast.compiler import frames
from hindcast.compiler.ordering import Ordering
from hindcast.definitions import Window

# The place of a row among those of its entity, from 1 on.
NTH = "_nth"


class Bounds:
    """Collects the ends of windows: columns (_b0) with how many rows of the entity lie before."""

    def __init__(self) -> None:
        self._ends: dict[int, str] = {}

    def frame(self, window: Window) -> str:
        """The frame over rows in the order of NTH that ends before the row's instant, or earlier.

        It holds the same events as frames.of_instants.
        """
        end = frames.micros(window.ending)
        last = f"{NTH} - {self._before(end)} PRECEDING"
        if window.length is None:
            return f"ROWS BETWEEN UNBOUNDED PRECEDING AND {last}"
        start = self._before(end + frames.micros(window.length))
        return f"ROWS BETWEEN {NTH} - 1 - {start} PRECEDING AND {last}"

    def counted(self, rows: str, ordering: Ordering) -> str:
        """The relation rows_, and those it is made of: the rows with their places and ends."""
        if not self._ends:
            return f"rows_ AS (\n{rows}\n)"
        entity = ordering.entity
        by = f"PARTITION BY {entity} ORDER BY"
        ends = ", ".join(f"COALESCE({end}._upto, 0) AS {end}" for end in self._ends.values())
        joins = "\n".join(_joined(length, end, ordering) for length, end in self._ends.items())
        return (
            f"counted AS MATERIALIZED (\nSELECT *, ROW_NUMBER() OVER ({by} {ordering.order}) AS "
            f"{NTH}, COUNT(*) OVER ({by} _at) AS _upto FROM (\n{rows}\n) AS uncounted\n),\n"
            f"instants AS (SELECT DISTINCT {entity}, _at, _upto FROM counted),\n"
            f"rows_ AS (\nSELECT counted.*, {ends} FROM counted\n{joins}\n)"
        )

    def _before(self, micros: int) -> str:
        """How many rows are of an instant more than so long before the row's."""
        return self._ends.setdefault(micros, f"_b{len(self._ends)}")


def _joined(micros: int, end: str, ordering: Ordering) -> str:
    same = " AND ".join(f"counted.{key} = {end}.{key}" for key in ordering.keys)
    return f"ASOF LEFT JOIN instants AS {end} ON {same} AND counted._at - {micros} > {end}._at"
