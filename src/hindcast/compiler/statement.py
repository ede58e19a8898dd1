"""One statement of the one query: its history and spine in a shape, its windows, its columns."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

from hindcast import names
from hindcast.compiler import shapes
from hindcast.compiler.dialects import Dialect, micros
from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.compiler.ordering import Ordering
from hindcast.compiler.windows import Windows
from hindcast.datatypes import BIGINT, STRING

Spine = Literal["entities", "events", "table", "known"]

# Columns of a historical answer's spine and of the answer, beside the key and as_of.
ASKED_AT = "asked_at"
SPINE_ROW = "spine_row"
# Of a row: whether it knew less than the knowledge that its windows were computed with.
KNEW_LESS = "_knew_less"

_NO_SPINE_ROW = [f"CAST(NULL AS BIGINT) AS {name}" for name in shapes.SPINE_COLUMNS]
_SHAPES = {"spark": shapes.by_sorting, "duckdb": shapes.by_hashing}
_KNOWN = {"spark": shapes.by_joining, "duckdb": shapes.by_looking_up}


class Statement:
    """The parts of one query, from raw events to typed features.

    as_of, known_by: None where each row of the spine has its own. carried: column of the answer ->
    of the source, as an event has it. knowledge: the column with a row's own knowledge, where rows
    that knew less than known_by are marked. counts_rows: whether windows of a length are frames of
    rows, which shapes.by_hashing counts.
    """

    def __init__(
        self,
        view: CompiledView,
        dialect: Dialect,
        spine: Spine,
        as_of: datetime | None = None,
        known_by: datetime | None = None,
        carried: Mapping[str, str] | None = None,
        knowledge: str | None = None,
        counts_rows: bool = False,
    ) -> None:
        self.view, self.dialect, self.spine = view, dialect, spine
        self._carried = dict(carried or {})
        self.ordering = Ordering.of(view.view, has_rows=spine == "table")
        self.as_of, self.known_by, self.knowledge = as_of, known_by, knowledge
        self.has_table = spine in ("table", "known")
        self.instant = dialect.from_micros("_at")
        self.asked_at = dialect.from_micros("_asked_at") if self.has_table else self.instant
        self.windows = Windows(view, dialect, self.ordering, counts_rows)
        self._finals = [self._final(feature) for feature in view.features]
        self._inputs = [self._input(each) for each in view.inputs]
        has_history = f"{self.windows.events_before()} > 0 AS {names.HAS_HISTORY}"
        self.has_history = has_history if spine != "entities" else ""
        self.knew_less = f"{self._knew_less()} AS {KNEW_LESS}"

    def sql(self, columns: list[str], where: str = "TRUE", order: str | None = None) -> str:
        """The whole statement: history with its windows, and the columns asked for."""
        parts = shapes.Parts(
            ordering=self.ordering,
            events=self._events(),
            asked=self._asked() if self.has_table else None,
            entities_at=micros(self.as_of) if self.as_of and self.spine == "entities" else None,
            windows=self.windows,
            keeps_retracted=self.knowledge is not None,
            belongs=self._belongs(),
        )
        shape = (_KNOWN if self.spine == "known" else _SHAPES)[self.dialect.name]
        tail = f" ORDER BY {order}" if order else ""
        return f"{shape(parts)}\nSELECT {', '.join(columns)} FROM windowed WHERE {where}{tail}"

    @property
    def order(self) -> str:
        """Of events, by key, instant and tiebreaker."""
        return f"{self.ordering.entity}, {self.ordering.order}"

    def keys(self) -> list[str]:
        named = zip(self.ordering.keys, self.view.keys, strict=True)
        return [f"{column} AS {self.dialect.quote(key)}" for column, key in named]

    def identity(self) -> list[str]:
        event = f"{self.instant} AS {names.EVENT_TIMESTAMP}"
        return [*self.keys(), event, f"_tie AS {names.TIEBREAKER}"]

    def slot(self, name: str) -> str:
        """The query's column for a carried one."""
        return f"_c{list(self._carried).index(name)}"

    def carried(self) -> list[str]:
        return [f"{self.slot(name)} AS {self.dialect.quote(name)}" for name in self._carried]

    def feature_columns(self) -> list[str]:
        return self._finals

    def inputs(self) -> list[str]:
        return self._inputs

    def overflowed(self) -> str:
        """The names of an entity row's features that overflowed, or null."""
        stored = [f for f in (*self.view.features, *self.view.inputs) if f.kind != "request"]
        lost = {feature.name: self.windows.overflow(feature) for feature in stored}
        found = [
            f"CASE WHEN {sql} THEN {self.dialect.literal(name)} END"
            for name, sql in lost.items()
            if sql
        ]
        apart = self.dialect.literal(names.SEPARATOR)
        listed = f"NULLIF(CONCAT_WS({apart}, {', '.join(found)}), '')" if found else "NULL"
        text = self.dialect.cast(listed, STRING)
        return f"CASE WHEN NOT _is_event THEN {text} END AS _overflowed"

    def _knew_less(self) -> str:
        """Whether a record of an event before the row was learned of after its own knowledge."""
        if self.knowledge is None:
            return "FALSE"
        return f"COALESCE({self.windows.last_recorded()} > {self.knowledge}, FALSE)"

    def _events(self) -> str:
        view, quote = self.view.view, self.dialect.quote
        source = view.source
        carried = [(quote(column), self.slot(name)) for name, column in self._carried.items()]
        columns = [
            *(_NO_SPINE_ROW if self.has_table else []),
            *_named(map(quote, view.key_columns), self.ordering.keys),
            *_named(map(quote, source.key_columns(source.first)), self.ordering.identity),
            f"{self._happened()} AS _at",
            f"{quote(source.tiebreaker)} AS _tie",
            f"{self._recorded()} AS _recorded, {names.INGESTED_AT}, {names.ROW}",
            names.RETRACTION,
            "TRUE AS _is_event",
            *(
                f"{self._unless_retracted(sql)} AS {name}"
                for sql, name in (*carried, *self.windows.arguments())
            ),
        ]
        if self.has_table:
            return f"SELECT /*+ BROADCAST(wanted) */ {', '.join(columns)} {self._from_wanted()}"
        return f"SELECT {', '.join(columns)} FROM raw WHERE {self._known_condition()}"

    def _unless_retracted(self, sql: str) -> str:
        """A value that no window counts where the record is a retraction that stays in history."""
        is_there = f"{names.RETRACTION} IS NULL"
        return f"CASE WHEN {is_there} THEN {sql} END" if self.knowledge else sql

    def _from_wanted(self) -> str:
        """Only the events that some spine row can see: those of its key, until its instant.

        A small spine over a long history then costs one scan. Spark sends the keys to the
        history, not the history across the network; to DuckDB the hint is a comment.
        """
        if self.ordering.identity:  # A later record of an event may be of another entity.
            return f"FROM raw WHERE {self._known_condition()}"
        until = f"MAX({self.dialect.epoch_micros(names.AS_OF)})"
        wanted = [self._own(f"key{number}") for number, _ in enumerate(self.view.keys)]
        last = self._own("until")
        keys = ", ".join(_named(self._asked_keys(), wanted))
        columns = zip(map(self.dialect.quote, self.view.view.key_columns), wanted, strict=True)
        same = " AND ".join(f"{column} = {name}" for column, name in columns)
        grouped = ", ".join(str(number) for number, _ in enumerate(wanted, 1))
        return (
            f"FROM raw SEMI JOIN (\nSELECT {keys}, {until} AS {last} FROM spine "
            f"GROUP BY {grouped}\n) AS wanted ON {same} AND {self._happened()} <= {last} "
            f"WHERE {self._known_condition()}"
        )

    def _own(self, name: str) -> str:
        """A name that no column of raw may have."""
        return self.dialect.quote(f"{names.SEPARATOR}{name}")

    def _asked_keys(self) -> list[str]:
        """The key columns of a spine, in the types that the source has."""
        quote, cast = self.dialect.quote, self.dialect.cast
        return [cast(quote(key), datatype) for key, datatype in self.view.keys.items()]

    def _belongs(self) -> str:
        """The condition that the last record of an event is of an entity that is asked about."""
        if not self.ordering.identity:
            return "TRUE"
        keys = ", ".join(self.ordering.keys)
        if self.has_table:
            return f"({keys}) IN (SELECT {', '.join(self._asked_keys())} FROM spine)"
        return " AND ".join(f"{key} IS NOT NULL" for key in self.ordering.keys)

    def _happened(self) -> str:
        event_timestamp = self.view.view.source.event_timestamp
        return self.dialect.epoch_micros(self.dialect.quote(event_timestamp))

    def _recorded(self) -> str:
        return self.dialect.epoch_micros(names.RECORDED_AT)

    def _known_condition(self) -> str:
        """Strictly before the instant, among the records known by the other, where there are."""
        happened = f"{self._happened()} < {micros(self.as_of)}" if self.as_of else "TRUE"
        known = f"{self._recorded()} <= {micros(self.known_by)}" if self.known_by else "TRUE"
        return f"{happened} AND {known}"

    def _asked(self) -> str:
        """The caller's spine rows; they carry no values, so no window counts them."""
        types, source = self.view.types, self.view.view.source
        firsts = source.key_columns(source.first)
        identity = zip(self.ordering.identity, firsts, strict=bool(self.ordering.identity))
        nothing = self.dialect.cast("NULL", BIGINT)
        columns = {
            "_spine_row": SPINE_ROW,
            "_asked_at": self.dialect.epoch_micros(f"COALESCE({ASKED_AT}, {names.AS_OF})"),
            "_known": self.dialect.epoch_micros(names.KNOWN_BY),
            **dict(zip(self.ordering.keys, self._asked_keys(), strict=True)),
            **{name: self.dialect.cast(name, types[column]) for name, column in identity},
            "_at": self.dialect.epoch_micros(names.AS_OF),
            "_tie": self.dialect.cast(names.TIEBREAKER, source.tie_type),
            "_recorded": nothing,
            names.INGESTED_AT: "CAST(NULL AS TIMESTAMP)",
            names.ROW: nothing,
            names.RETRACTION: self.dialect.cast("NULL", STRING),
            "_is_event": "FALSE",
            **dict.fromkeys(self.windows.slots, "NULL"),
        }
        selected = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
        return f"SELECT {selected} FROM spine"

    def _input(self, each: CompiledFeature) -> str:
        return f"{self.windows.value(each, self.asked_at)} AS {self.dialect.quote(each.name)}"

    def _final(self, feature: CompiledFeature) -> str:
        value = self.windows.value(feature, self.asked_at)
        return f"{self._unless_expired(value)} AS {self.dialect.quote(feature.name)}"

    def _unless_expired(self, value: str) -> str:
        """A feature's value, null where the entity's newest event is older than the view's ttl."""
        newest, ttl = self.view.newest, self.view.view.ttl
        if newest is None or ttl is None:
            return value
        seen = self.dialect.epoch_micros(self.windows.value(newest, self.asked_at))
        asked = "_asked_at" if self.has_table else "_at"
        micros_long = ttl // timedelta(microseconds=1)
        return f"CASE WHEN {seen} < {asked} - {micros_long} THEN NULL ELSE {value} END"


def _named(columns: Iterable[str], given: Sequence[str]) -> list[str]:
    """Select items of columns under given names, as many as there are names."""
    return [f"{column} AS {name}" for column, name in zip(columns, given, strict=False)]
