"""The one query of Hindcast: windows over history and spine, as of an instant, known by another.

Relations it reads: `raw` (a source's raw table) and, for a caller's spine, `spine` with the
columns key, as_of (UTC instant) and spine_row.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from hindcast import names
from hindcast.compiler import history
from hindcast.compiler.dialects import DIALECTS, Dialect, micros
from hindcast.compiler.view import CompiledFeature, CompiledView
from hindcast.compiler.windows import Windows
from hindcast.datatypes import BIGINT

Spine = Literal["entities", "events", "table"]

_SHAPES = {"spark": history.by_sorting, "duckdb": history.by_hashing}


@dataclass(frozen=True)
class Knowledge:
    """As of an instant (events strictly before it), known by another (records until it)."""

    as_of: datetime
    known_by: datetime


def materialization(view: CompiledView, dialect: str, knowledge: Knowledge) -> str:
    """Every event's features, and one row per entity at the instant (_is_event is false there).

    Columns: key, event_timestamp, tiebreaker, features, inputs of request-time features,
    _is_event, and _records: an entity's known records, replaced ones included; null for events.
    """
    query = _Query(view, DIALECTS[dialect], knowledge, "entities")
    columns = [*query.identity(), *query.feature_columns(), *query.inputs()]
    return query.sql([*columns, "_is_event", "_records"])


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
        self.windows = Windows(view, dialect, history.ORDER)
        self._finals = [self._final(feature) for feature in view.features]
        self._input_slots = {name: self.windows.latest_column(name) for name in view.inputs}

    def sql(self, columns: list[str], where: str = "TRUE", order: str | None = None) -> str:
        """The whole statement: history with its windows, and the columns asked for."""
        parts = history.Parts(
            events=self._events(),
            asked=self._asked() if self.spine == "table" else None,
            entities_at=micros(self.knowledge.as_of) if self.spine == "entities" else None,
            windows=self.windows,
        )
        windowed = _SHAPES[self.dialect.name](parts)
        tail = f" ORDER BY {order}" if order else ""
        return f"{windowed}\nSELECT {', '.join(columns)} FROM windowed WHERE {where}{tail}"

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

    def _events(self) -> str:
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
        return f"SELECT {', '.join(columns)} FROM raw WHERE {self._known_condition()}"

    def _known_condition(self) -> str:
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

    def _final(self, feature: CompiledFeature) -> str:
        value = self.windows.value(feature, self.instant)
        return f"{self.dialect.cast(value, feature.datatype)} AS {self.dialect.quote(feature.name)}"
