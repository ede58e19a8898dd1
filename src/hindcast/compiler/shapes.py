"""History with its windows, in the shape that each engine runs best; all shapes mean the same.

A shape ends in a relation `windowed`: every event in its last recorded version and every spine
row, with the window columns. An event whose last record is a retraction is not there, unless
it is kept. Events are ordered within a key by instant, then tiebreaker; a spine row without a
tiebreaker comes before those of its instant.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from hindcast import names
from hindcast.compiler.ordering import Ordering
from hindcast.compiler.windows import Windows

_RECORD = ("_recorded", names.INGESTED_AT, names.ROW)
IS_THERE = f"{names.RETRACTION} IS NULL"
# What only rows of a caller's spine have, in microseconds: when asked, and the row's knowledge.
SPINE_COLUMNS = ("_spine_row", "_asked_at", "_known")
# Later than every instant, in microseconds.
_NEVER = 2**63 - 1


@dataclass(frozen=True)
class Parts:
    """What a shape is made of.

    ordering: the columns of key and identity, and the order.
    events: SELECT of the known raw events. Columns: SPINE_COLUMNS where there is a caller's spine,
    key and identity, _at (microseconds), _tie, the record's order (_recorded in microseconds,
    _ingested_at, _row), _retraction (null but in a retraction), _is_event, arguments of windows.
    asked: SELECT of the caller's spine rows, the same columns by position.
    entities_at: microseconds; where given, every entity has one spine row at that instant, whose
    _records says how many known records its events have, replaced ones included.
    keeps_retracted: whether a retracted event stays, as a row without values. belongs: a condition
    on the last record of an event that is of an entity wanted; earlier ones may be of others.
    """

    ordering: Ordering
    events: str
    asked: str | None
    entities_at: int | None
    windows: Windows
    keeps_retracted: bool = False
    belongs: str = "TRUE"

    @property
    def is_there(self) -> str:
        """The condition on the last record of an event that is in the history."""
        return self.belongs if self.keeps_retracted else f"{IS_THERE} AND {self.belongs}"


def by_sorting(parts: Parts) -> str:
    """For Spark: windows over one partitioning by key, so that the plan has one shuffle."""
    known = parts.events + (f"\nUNION ALL\n{parts.asked}" if parts.asked else "")
    event = f"PARTITION BY {parts.ordering.entity} ORDER BY {parts.ordering.order}"
    records = f"PARTITION BY {parts.ordering.owner} ORDER BY _at, _tie NULLS FIRST, _is_event"
    own = f"{records}, {', '.join(_RECORD)}"
    same = " AND ".join(f"LEAD({c}) OVER ({own}) = {c}" for c in ("_at", "_tie", "_is_event"))
    windows = ", ".join(["*", *parts.windows.selects(), *parts.windows.tie_selects()])
    return (
        f"WITH known AS (\n{known}\n),\n"
        f"recorded AS (\nSELECT *, COALESCE({same}, FALSE) AS _replaced, COUNT(*) OVER "
        f"({records} RANGE BETWEEN CURRENT ROW AND CURRENT ROW) AS _times FROM known\n),\n"
        f"history AS (\nSELECT *, LEAD(_at) OVER ({event}) IS NULL AS _last, SUM(_times) OVER "
        f"({event} ROWS UNBOUNDED PRECEDING) AS _nth FROM recorded "
        f"WHERE NOT _replaced AND (NOT _is_event OR {parts.is_there})\n),\n"
        f"rows_ AS (\n{_placed(_sorted_rows(parts), parts)}\n),\n"
        f"windowed AS (\n{_shared(f'SELECT {windows} FROM rows_', parts)}\n)"
    )


def _with_ties(windows: str, event: str) -> str:
    return f"SELECT * FROM (SELECT {windows} FROM rows_) AS alone LEFT JOIN ties USING ({event})"


def _shared(windowed: str, parts: Parts) -> str:
    """What the first row of each instant sees, where events of one instant are not ordered."""
    items = ", ".join(["*", *parts.windows.shared()])
    return f"SELECT {items} FROM (\n{windowed}\n) AS apart" if items != "*" else windowed


def _placed(rows: str, parts: Parts) -> str:
    """The rows, with the columns that some windows are framed by."""
    places = parts.windows.places()
    return f"SELECT {', '.join(['*', *places])} FROM (\n{rows}\n) AS unplaced" if places else rows


def _sorted_rows(parts: Parts) -> str:
    """Each event once, and the last of each entity a second time as its spine row.

    Unfolding keeps Spark's partitioning by key, where a union with the distinct keys would
    shuffle; and it keeps the order, so that the sort for the windows only has to look.
    """
    if parts.entities_at is None:
        return "SELECT * FROM history"
    slots, keys = parts.windows.slots, parts.ordering.keys
    # An entity's own row is of no event.
    identity = [f"CASE WHEN _is_event THEN {c} END AS {c}" for c in parts.ordering.identity]
    values = [f"CASE WHEN _is_event THEN {slot} END AS {slot}" for slot in slots]
    at = f"CASE WHEN _is_event THEN _at ELSE {parts.entities_at} END AS _at"
    tie = "CASE WHEN _is_event THEN _tie END AS _tie"
    # Counted up to the last event, the records are all of them.
    records = "CASE WHEN NOT _is_event THEN CAST(_nth AS BIGINT) END AS _records"
    columns = [*keys, *identity, at, tie, "_is_event", records, *values]
    twice = "EXPLODE(CASE WHEN _last THEN array(TRUE, FALSE) ELSE array(TRUE) END) AS _is_event"
    kept = (*keys, *parts.ordering.identity, "_at", "_tie", "_nth", *slots)
    unfolded = ", ".join([*kept, twice])
    return f"SELECT {', '.join(columns)} FROM (\nSELECT {unfolded} FROM history\n) AS unfolded"


def by_hashing(parts: Parts) -> str:
    """For DuckDB: events recorded again, and ties, are rare; finding them by hash spares sorts."""
    last = ", ".join(f"{column} DESC" for column in _RECORD)
    event, place, entity = parts.ordering.event, parts.ordering.place, parts.ordering.entity
    ties = ", ".join([place, *parts.windows.tie_selects()])
    windows = ", ".join(["*", *parts.windows.selects()])
    newest = f"ROW_NUMBER() OVER (PARTITION BY {event} ORDER BY {last}) = 1"
    return (
        f"WITH events AS NOT MATERIALIZED (\n{parts.events}\n),\n"
        f"repeated AS (SELECT {event} FROM events GROUP BY ALL HAVING COUNT(*) > 1),\n"
        f"newest AS MATERIALIZED (\nSELECT * FROM events SEMI JOIN repeated USING ({event}) "
        f"QUALIFY {newest}\n),\n"
        f"history AS NOT MATERIALIZED (\nSELECT * FROM events ANTI JOIN repeated USING ({event}) "
        f"WHERE {parts.belongs}\n"
        f"UNION ALL\nSELECT * FROM newest WHERE {parts.is_there}\n),\n"
        f"withdrawn AS (SELECT {event} FROM newest WHERE NOT ({IS_THERE})),\n"
        f"{parts.windows.bounds.counted(_placed(_united_rows(parts), parts), parts.ordering)},\n"
        f"tied AS (SELECT {entity}, _at FROM history GROUP BY ALL HAVING COUNT(*) > 1),\n"
        f"ties AS (\nSELECT {ties} FROM history SEMI JOIN tied USING ({entity}, _at)\n),\n"
        f"windowed AS (\n{_shared(_with_ties(windows, place), parts)}\n)"
    )


def _united_rows(parts: Parts) -> str:
    if parts.asked:
        return f"SELECT * FROM history\nUNION ALL\n{parts.asked}"
    if parts.entities_at is None:
        return "SELECT * FROM history"
    ordering = parts.ordering
    # A replaced record may be of another entity, but for the one that tells events apart.
    records = f"events ANTI JOIN withdrawn USING ({ordering.event})"
    return (
        "SELECT * FROM history\nUNION ALL BY NAME\n"
        f"SELECT {ordering.entity}, {parts.entities_at} AS _at, FALSE AS _is_event, "
        f"COUNT(*) AS _records FROM {'history' if ordering.identity else records} "
        f"GROUP BY {ordering.entity}"
    )


def by_joining(parts: Parts) -> str:
    """For rows that each knew other records: a history for every row, by a join, and its windows.

    events holds every record; a record is known from when it was learned of until another replaced
    it. As each row is a partition of its own, _key is its number here.
    """
    event = f"PARTITION BY {parts.ordering.event}, _is_event"
    later = f"LEAD(_recorded) OVER ({event} ORDER BY {', '.join(_RECORD)})"
    asked_next = (
        f"MIN(_known) OVER (PARTITION BY {parts.ordering.entity} ORDER BY _from "
        "RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)"
    )
    windows = ", ".join(["*", *parts.windows.selects(), *parts.windows.tie_selects()])
    return (
        f"WITH asked AS (\n{parts.asked}\n),\n"
        f"records AS (\nSELECT *, _recorded AS _from FROM (\n{parts.events}\n) AS events\n"
        "UNION ALL\nSELECT *, _known AS _from FROM asked\n),\n"
        f"versions AS (\nSELECT *, COALESCE({later}, {_NEVER}) AS _until, "
        f"{asked_next} AS _asked_next FROM records\n),\n"
        f"rows_ AS (\n{_placed(_joined_rows(parts), parts)}\n),\n"
        f"windowed AS (\n{_shared(f'SELECT {windows} FROM rows_', parts)}\n)"
    )


def _joined_rows(parts: Parts) -> str:
    """Per row, the records it knew of the events before it, and the row itself."""
    others = (*parts.ordering.keys[1:], *parts.ordering.identity)
    columns = (*others, "_at", "_tie", "_is_event", *parts.windows.slots)
    known = ", ".join(f"versions.{column}" for column in columns)
    same = " AND ".join(f"asked.{key} = versions.{key}" for key in parts.ordering.keys)
    before = _before(["_at", "_tie", *parts.ordering.identity])
    return (
        f"SELECT asked._spine_row AS _key, asked._asked_at, {known} FROM asked JOIN versions "
        f"ON {same} AND asked._known >= versions._from "
        f"AND asked._known < versions._until AND ({before})\n"
        # Most records of an event recorded often were replaced before any row knew of them.
        f"WHERE versions._is_event AND versions.{IS_THERE} "
        "AND versions._asked_next < versions._until\n"
        f"UNION ALL\nSELECT _spine_row, _asked_at, {', '.join(columns)} FROM asked"
    )


def by_looking_up(parts: Parts) -> str:
    """What by_joining means, for DuckDB: each event's record that a row knew is looked up.

    An ASOF join sorts the records once; the windows of by_joining would sort them twice.
    """
    ordering = parts.ordering
    windows = ", ".join(["*", *parts.windows.selects(), *parts.windows.tie_selects()])
    return (
        f"WITH asked AS (\n{parts.asked}\n),\n"
        f"records AS (\n{parts.events}\n),\n"
        f"happened AS (SELECT DISTINCT {ordering.place} FROM records),\n"
        f"pairs AS (\n{_pairs(ordering)}\n),\n"
        f"rows_ AS (\n{_placed(_looked_up(parts), parts)}\n),\n"
        f"windowed AS (\n{_shared(f'SELECT {windows} FROM rows_', parts)}\n)"
    )


def _pairs(ordering: Ordering) -> str:
    """Every row with each event before it."""
    same = " AND ".join(f"asked.{key} = versions.{key}" for key in ordering.keys)
    before = _before(["_at", "_tie", *ordering.identity])
    return (
        "SELECT asked._spine_row, asked._asked_at, asked._known, versions.* FROM asked "
        f"JOIN happened AS versions ON {same} AND ({before})"
    )


def _looked_up(parts: Parts) -> str:
    """Per row, the last record it knew of each event before it, and the row itself."""
    ordering = parts.ordering
    columns = (*ordering.keys[1:], *ordering.identity, "_at", "_tie", "_is_event")
    known = ", ".join(f"records.{column}" for column in (*columns, *parts.windows.slots))
    event = [*(ordering.identity or ordering.keys), "_at", "_tie"]
    same = " AND ".join(f"pairs.{column} = records.{column}" for column in event)
    record = ", ".join(f"records.{column}" for column in _RECORD)
    # The last record may be of another entity than an earlier one.
    own = " AND ".join(f"pairs.{key} = records.{key}" for key in ordering.keys)
    return (
        f"SELECT pairs._spine_row AS _key, pairs._asked_at, {known} FROM pairs "
        f"ASOF JOIN records ON {same} AND ROW(pairs._known, CAST('infinity' AS TIMESTAMPTZ), "
        f"{_NEVER}) >= ROW({record}) WHERE records.{IS_THERE} AND {own}\n"
        f"UNION ALL\nSELECT _spine_row, _asked_at, "
        f"{', '.join((*columns, *parts.windows.slots))} FROM asked"
    )


def _before(columns: Sequence[str]) -> str:
    """Whether a version's event comes before the row in the order of the columns."""
    alike = ""
    found = []
    for column in columns:
        found.append(f"{alike}versions.{column} < asked.{column}")
        alike += f"versions.{column} = asked.{column} AND "
    return " OR ".join(found)
