"""History with its windows, in the shape that each engine runs best; both shapes mean the same.

A shape ends in a relation `windowed`: every event in its last recorded version and every spine
row, with the window columns. An event whose last record is a retraction is not there. Events are
ordered within a key by instant, then tiebreaker; a spine row comes before those of its instant.
"""

from dataclasses import dataclass

from hindcast import names
from hindcast.compiler.windows import Windows

ORDER = "_at, _tie NULLS FIRST"
_RECORD = ("_recorded", names.INGESTED_AT, names.ROW)
_IS_THERE = f"{names.RETRACTION} IS NULL"


@dataclass(frozen=True)
class Parts:
    """What a shape is made of.

    events: SELECT of the known raw events. Columns: _key, _at (microseconds), _tie, the record's
    order (_recorded, _ingested_at, _row), _retraction (null but in a retraction), _is_event, and
    arguments of windows.
    asked: SELECT of the caller's spine rows, the same columns by position.
    entities_at: microseconds; where given, every entity has one spine row at that instant, whose
    _records says how many known records its events have, replaced ones included.
    """

    events: str
    asked: str | None
    entities_at: int | None
    windows: Windows


def by_sorting(parts: Parts) -> str:
    """For Spark: windows over one partitioning by key, so that the plan has one shuffle."""
    known = parts.events + (f"\nUNION ALL\n{parts.asked}" if parts.asked else "")
    event = f"PARTITION BY _key ORDER BY {ORDER}"
    own = f"{event}, {', '.join(_RECORD)}"
    same = f"LEAD(_at) OVER ({own}) = _at AND LEAD(_tie) OVER ({own}) = _tie"
    windows = ", ".join(["*", *parts.windows.selects(), *parts.windows.tie_selects()])
    return (
        f"WITH known AS (\n{known}\n),\n"
        f"recorded AS (\nSELECT *, COALESCE({same}, FALSE) AS _replaced, COUNT(*) OVER "
        f"({event} RANGE BETWEEN CURRENT ROW AND CURRENT ROW) AS _times FROM known\n),\n"
        f"history AS (\nSELECT *, LEAD(_at) OVER ({event}) IS NULL AS _last, SUM(_times) OVER "
        f"({event} ROWS UNBOUNDED PRECEDING) AS _nth FROM recorded "
        f"WHERE NOT _replaced AND {_IS_THERE}\n),\n"
        f"rows_ AS (\n{_sorted_rows(parts)}\n),\n"
        f"windowed AS (\nSELECT {windows} FROM rows_\n)"
    )


def _sorted_rows(parts: Parts) -> str:
    """Each event once, and the last of each entity a second time as its spine row.

    Unfolding keeps Spark's partitioning by key, where a union with the distinct keys would
    shuffle; and it keeps the order, so that the sort for the windows only has to look.
    """
    if parts.entities_at is None:
        return "SELECT * FROM history"
    slots = parts.windows.slots
    values = [f"CASE WHEN _is_event THEN {slot} END AS {slot}" for slot in slots]
    at = f"CASE WHEN _is_event THEN _at ELSE {parts.entities_at} END AS _at"
    tie = "CASE WHEN _is_event THEN _tie END AS _tie"
    # Counted up to the last event, the records are all of them.
    records = "CASE WHEN NOT _is_event THEN CAST(_nth AS BIGINT) END AS _records"
    columns = ["_key", at, tie, "_is_event", records, *values]
    twice = "EXPLODE(CASE WHEN _last THEN array(TRUE, FALSE) ELSE array(TRUE) END) AS _is_event"
    unfolded = ", ".join(["_key", "_at", "_tie", "_nth", *slots, twice])
    return f"SELECT {', '.join(columns)} FROM (\nSELECT {unfolded} FROM history\n) AS unfolded"


def by_hashing(parts: Parts) -> str:
    """For DuckDB: events recorded again, and ties, are rare; finding them by hash spares sorts."""
    last = ", ".join(f"{column} DESC" for column in _RECORD)
    ties = ", ".join(["_key", "_at", "_tie", *parts.windows.tie_selects()])
    windows = ", ".join(["*", *parts.windows.selects()])
    event = "_key, _at, _tie"
    newest = f"ROW_NUMBER() OVER (PARTITION BY {event} ORDER BY {last}) = 1"
    return (
        f"WITH events AS NOT MATERIALIZED (\n{parts.events}\n),\n"
        f"repeated AS (SELECT {event} FROM events GROUP BY ALL HAVING COUNT(*) > 1),\n"
        f"history AS NOT MATERIALIZED (\nSELECT * FROM events ANTI JOIN repeated USING ({event})\n"
        f"UNION ALL\nSELECT * FROM events SEMI JOIN repeated USING ({event}) "
        f"QUALIFY {newest} AND {_IS_THERE}\n),\n"
        f"withdrawn AS (SELECT {event} FROM events SEMI JOIN repeated USING ({event}) "
        f"QUALIFY {newest} AND NOT ({_IS_THERE})),\n"
        f"rows_ AS (\n{_united_rows(parts)}\n),\n"
        "tied AS (SELECT _key, _at FROM history GROUP BY ALL HAVING COUNT(*) > 1),\n"
        f"ties AS (\nSELECT {ties} FROM history SEMI JOIN tied USING (_key, _at)\n),\n"
        f"windowed AS (\nSELECT * FROM (SELECT {windows} FROM rows_) AS alone "
        f"LEFT JOIN ties USING ({event})\n)"
    )


def _united_rows(parts: Parts) -> str:
    if parts.asked:
        return f"SELECT * FROM history\nUNION ALL\n{parts.asked}"
    if parts.entities_at is None:
        return "SELECT * FROM history"
    return (
        "SELECT * FROM history\nUNION ALL BY NAME\n"
        f"SELECT _key, {parts.entities_at} AS _at, FALSE AS _is_event, COUNT(*) AS _records "
        "FROM events ANTI JOIN withdrawn USING (_key, _at, _tie) GROUP BY _key"
    )
