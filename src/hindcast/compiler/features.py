"""The one query of Hindcast: windows over history and spine, as of an instant, known by another.

Relations it reads: `raw` (a source's raw table) and, for a caller's spine, `spine` with the
columns key, as_of (UTC instant) and spine_row.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from hindcast import names
from hindcast.compiler.dialects import DIALECTS, Dialect, micros
from hindcast.compiler.view import CompiledFeature, CompiledView
from hindcast.compiler.windows import Windows
from hindcast.datatypes import BIGINT

Spine = Literal["entities", "events", "table"]

_ORDER = "_at, _tie NULLS FIRST"


@dataclass(frozen=True)
class Knowledge:
    """As of an instant (events strictly before it), known by another (records until it)."""

    as_of: datetime
    known_by: datetime


def materialization(view: CompiledView, dialect: str, knowledge: Knowledge) -> str:
    """Every event's features, and one row per entity at the instant (_is_event is false there).

    Columns: key, event_timestamp, tiebreaker, features, inputs of request-time features, _is_event.
    """
    query = _Query(view, DIALECTS[dialect], knowledge, "entities")
    return query.sql([*query.identity(), *query.feature_columns(), *query.inputs(), "_is_event"])


def training_set(view: CompiledView, dialect: str, knowledge: Knowledge, matures: timedelta) -> str:
    """Labelled events whose label has matured, ordered by key, event timestamp, tiebreaker.

    Columns: key, event_timestamp, tiebreaker, features, label.
    """
    query = _Query(view, DIALECTS[dialect], knowledge, "events", label=view.view.source.label)
    columns = [*query.identity(), *query.feature_columns(), f"_label AS {names.LABEL}"]
    trusted = f"_label IS NOT NULL AND _at < {micros(knowledge.as_of - matures)}"
    return query.sql(columns, where=trusted, order="_key, _at, _tie")


def historical(view: CompiledView, dialect: str, knowledge: Knowledge) -> str:
    """Features of each row of `spine`, in its order. Columns: key, as_of, features."""
    query = _Query(view, DIALECTS[dialect], knowledge, "table")
    columns = [query.key(), f"{query.instant} AS {names.AS_OF}", *query.feature_columns()]
    return query.sql(columns, where="NOT _is_event", order="_spine_row")


def known_events(view: CompiledView, dialect: str, knowledge: Knowledge) -> str:
    """One row, one column `known`: how many raw rows are known, replaced ones included."""
    query = _Query(view, DIALECTS[dialect], knowledge, "events")
    return f"SELECT COUNT(*) AS known FROM raw WHERE {query.known_condition()}"


class _Query:
    """The parts of one query, from raw events to typed features."""

    def __init__(
        self,
        view: CompiledView,
        dialect: Dialect,
        knowledge: Knowledge,
        spine: Spine,
        label: str | None = None,
    ) -> None:
        self.view, self.dialect, self.knowledge, self.spine = view, dialect, knowledge, spine
        self.label = label
        self.instant = dialect.from_micros("_at")
        self.windows = Windows(view, dialect, _ORDER)
        self._finals = [self._final(feature) for feature in view.features]
        self._input_slots = {name: self.windows.latest_column(name) for name in view.inputs}

    def sql(self, columns: list[str], where: str = "TRUE", order: str | None = None) -> str:
        """The whole statement: recorded -> history -> rows -> windowed -> the columns asked for."""
        tail = f" ORDER BY {order}" if order else ""
        return (
            f"{self.recorded()},\nrows_ AS (\n{self._rows()}\n),\nwindowed AS (\n"
            f"SELECT {', '.join(['*', *self.windows.selects()])} FROM rows_\n)\n"
            f"SELECT {', '.join(columns)} FROM windowed WHERE {where}{tail}"
        )

    def key(self) -> str:
        return f"_key AS {self.dialect.quote(self.view.key)}"

    def identity(self) -> list[str]:
        event = f"{self.instant} AS {names.EVENT_TIMESTAMP}"
        return [self.key(), event, f"_tie AS {names.TIEBREAKER}"]

    def feature_columns(self) -> list[str]:
        return self._finals

    def inputs(self) -> list[str]:
        return [
            f"{slot} AS {self.dialect.quote(names.input_column(name))}"
            for name, slot in self._input_slots.items()
        ]

    def recorded(self) -> str:
        """Known rows in order, each marked if a later record of the same event replaces it."""
        own = (
            f"PARTITION BY _key ORDER BY {_ORDER}, _recorded DESC, {names.INGESTED_AT} DESC, "
            f"{names.ROW} DESC"
        )
        same = f"LAG(_at) OVER ({own}) = _at AND LAG(_tie) OVER ({own}) = _tie"
        return (
            f"WITH known AS (\n{self._known()}\n),\nrecorded AS (\n"
            f"SELECT *, COALESCE({same}, FALSE) AS _replaced, "
            f"LAG(_at) OVER ({own}) IS NULL AS _first "
            f"FROM known\n)"
        )

    def _known(self) -> str:
        source, quote = self.view.view.source, self.dialect.quote
        columns = [
            *(["CAST(NULL AS BIGINT) AS _spine_row"] if self.spine == "table" else []),
            f"{quote(self.view.key)} AS _key",
            f"{self.dialect.epoch_micros(quote(source.event_timestamp))} AS _at",
            f"{quote(source.tiebreaker)} AS _tie",
            f"{names.RECORDED_AT} AS _recorded, {names.INGESTED_AT}, {names.ROW}",
            "TRUE AS _is_event",
            *([f"{quote(self.label)} AS _label"] if self.label else []),
            *self.windows.arguments(),
        ]
        events = f"SELECT {', '.join(columns)} FROM raw WHERE {self.known_condition()}"
        return f"{events}\nUNION ALL\n{self._asked()}" if self.spine == "table" else events

    def known_condition(self) -> str:
        """Strictly before the instant, among the records known by the other."""
        happened = self.dialect.quote(self.view.view.source.event_timestamp)
        return (
            f"{self.dialect.epoch_micros(happened)} < {micros(self.knowledge.as_of)} AND "
            f"{self.dialect.epoch_micros(names.RECORDED_AT)} <= {micros(self.knowledge.known_by)}"
        )

    def _asked(self) -> str:
        """The caller's spine rows; they carry no values, so no window counts them."""
        key_type = self.view.types[self.view.key]
        tie_type = self.view.types[self.view.view.source.tiebreaker]
        nothing = "CAST(NULL AS TIMESTAMP)"
        columns = [
            "spine_row",
            self.dialect.cast(self.dialect.quote(self.view.key), key_type),
            self.dialect.epoch_micros(names.AS_OF),
            self.dialect.cast("NULL", tie_type),
            f"{nothing}, {nothing}, {self.dialect.cast('NULL', BIGINT)}, FALSE",
            *("NULL" for _ in self.windows.arguments()),
        ]
        return f"SELECT {', '.join(columns)} FROM spine"

    def _rows(self) -> str:
        if self.spine != "entities":
            return "SELECT * FROM recorded WHERE NOT _replaced"
        values = [f"CASE WHEN _is_event THEN {slot} END AS {slot}" for slot in self.windows.slots]
        at = f"CASE WHEN _is_event THEN _at ELSE {micros(self.knowledge.as_of)} END AS _at"
        columns = ["_key", at, "CASE WHEN _is_event THEN _tie END AS _tie", "_is_event", *values]
        return f"SELECT {', '.join(columns)} FROM (\n{self._with_entities()}\n) AS unfolded"

    def _with_entities(self) -> str:
        """Each event once, and the first of each entity a second time as its spine row.

        Unfolding keeps Spark's partitioning by key; a union with the distinct keys would shuffle.
        """
        columns = ", ".join(["_key", "_at", "_tie", *self.windows.slots])
        kinds = f"{self.dialect.unfold('_first')} AS _is_event"
        return f"SELECT {columns}, {kinds} FROM recorded WHERE NOT _replaced"

    def _final(self, feature: CompiledFeature) -> str:
        value = self.windows.value(feature, self.instant)
        return f"{self.dialect.cast(value, feature.datatype)} AS {self.dialect.quote(feature.name)}"
