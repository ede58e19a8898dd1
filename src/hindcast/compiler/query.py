"""The one query of Hindcast: windows over history and spine, as of an instant, known by another.

Relations it reads: `raw` (a source's raw table) and, for a caller's spine, `spine` with the
columns key, as_of (UTC instant), asked_at (UTC instant) and spine_row. Windows are as of as_of;
request-time features are evaluated at asked_at, or at as_of where asked_at is null. An online
answer is such a row: stored features as of the materialization, ages as of the request.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from hindcast import names
from hindcast.compiler import shapes
from hindcast.compiler.dialects import DIALECTS, Dialect, micros
from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.compiler.windows import Windows
from hindcast.datatypes import BIGINT, STRING

Spine = Literal["entities", "events", "table"]

# Columns of a historical answer's spine and of the answer, beside the key and as_of.
ASKED_AT = "asked_at"
SPINE_ROW = "spine_row"
# Of a training row: whether its label can be trusted.
IS_MATURE = "_is_mature"

_NO_SPINE_ROW = ["CAST(NULL AS BIGINT) AS _spine_row", "CAST(NULL AS BIGINT) AS _asked_at"]
_SHAPES = {"spark": shapes.by_sorting, "duckdb": shapes.by_hashing}


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
    query = _Query(view, DIALECTS[dialect], "entities", knowledge.as_of, knowledge.known_by)
    columns = [*query.identity(), *query.feature_columns(), *query.inputs()]
    return query.sql([*columns, "_is_event", "_records"])


def training_set(view: CompiledView, dialect: str, knowledge: Knowledge, matures: timedelta) -> str:
    """Labelled events with the features before them, ordered by key, event timestamp, tiebreaker.

    Columns: key, event_timestamp, tiebreaker, features, label, _has_history (whether the key has
    an earlier event), _is_mature (whether the event is older than `matures`).
    """
    clocks = (knowledge.as_of, knowledge.known_by)
    query = _Query(view, DIALECTS[dialect], "events", *clocks, label=view.view.source.label)
    is_mature = f"_at < {micros(knowledge.as_of - matures)} AS {IS_MATURE}"
    columns = [*query.identity(), *query.feature_columns(), f"_label AS {names.LABEL}"]
    columns += [query.has_history, is_mature]
    return query.sql(columns, where="_label IS NOT NULL", order="_key, _at, _tie")


def historical(view: CompiledView, dialect: str, known_by: datetime) -> str:
    """Features of each row of `spine`, in its order, each as of the row's own instant.

    Columns: key, as_of, features, _has_history (whether the key has an event before as_of).
    """
    query = _Query(view, DIALECTS[dialect], "table", None, known_by)
    columns = [query.key(), f"{query.instant} AS {names.AS_OF}", *query.feature_columns()]
    columns.append(query.has_history)
    return query.sql(columns, where="NOT _is_event", order="_spine_row")


class _Query:
    """The parts of one query, from raw events to typed features.

    as_of: None where each row of a caller's spine has an instant of its own.
    """

    def __init__(
        self,
        view: CompiledView,
        dialect: Dialect,
        spine: Spine,
        as_of: datetime | None,
        known_by: datetime,
        label: str | None = None,
    ) -> None:
        self.view, self.dialect, self.spine, self.label = view, dialect, spine, label
        self.as_of, self.known_by = as_of, known_by
        self.instant = dialect.from_micros("_at")
        self.asked_at = dialect.from_micros("_asked_at") if spine == "table" else self.instant
        self.windows = Windows(view, dialect, shapes.ORDER)
        self._finals = [self._final(feature) for feature in view.features]
        self._inputs = [self._final(each) for each in view.inputs]
        has_history = f"{self.windows.events_before()} > 0 AS {names.HAS_HISTORY}"
        self.has_history = has_history if spine != "entities" else ""

    def sql(self, columns: list[str], where: str = "TRUE", order: str | None = None) -> str:
        """The whole statement: history with its windows, and the columns asked for."""
        parts = shapes.Parts(
            events=self._events(),
            asked=self._asked() if self.spine == "table" else None,
            entities_at=micros(self.as_of) if self.as_of and self.spine == "entities" else None,
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
        return self._inputs

    def _events(self) -> str:
        source, quote = self.view.view.source, self.dialect.quote
        columns = [
            *(_NO_SPINE_ROW if self.spine == "table" else []),
            f"{quote(self.view.key)} AS _key",
            f"{self._happened()} AS _at",
            f"{quote(source.tiebreaker)} AS _tie",
            f"{names.RECORDED_AT} AS _recorded, {names.INGESTED_AT}, {names.ROW}",
            names.RETRACTION,
            "TRUE AS _is_event",
            *([f"{quote(self.label)} AS _label"] if self.label else []),
            *self.windows.arguments(),
        ]
        if self.spine == "table":
            return f"SELECT /*+ BROADCAST(wanted) */ {', '.join(columns)} {self._from_wanted()}"
        return f"SELECT {', '.join(columns)} FROM raw WHERE {self._known_condition()}"

    def _from_wanted(self) -> str:
        """Only the events that some spine row can see: those of its key, before its instant.

        A small spine over a long history then costs one scan. Spark sends the keys to the
        history, not the history across the network; to DuckDB the hint is a comment.
        """
        key = self.dialect.quote(self.view.key)
        wanted_key = self.dialect.cast(key, self.view.types[self.view.key])
        until = f"MAX({self.dialect.epoch_micros(names.AS_OF)})"
        return (
            f"FROM raw SEMI JOIN (\nSELECT {wanted_key} AS _wanted, {until} AS _until FROM spine "
            f"GROUP BY 1\n) AS wanted ON {key} = _wanted AND {self._happened()} < _until "
            f"WHERE {self._known_condition()}"
        )

    def _happened(self) -> str:
        event_timestamp = self.view.view.source.event_timestamp
        return self.dialect.epoch_micros(self.dialect.quote(event_timestamp))

    def _known_condition(self) -> str:
        """Strictly before the instant, if there is one, among the records known by the other."""
        recorded = self.dialect.epoch_micros(names.RECORDED_AT)
        known = f"{recorded} <= {micros(self.known_by)}"
        return f"{self._happened()} < {micros(self.as_of)} AND {known}" if self.as_of else known

    def _asked(self) -> str:
        """The caller's spine rows; they carry no values, so no window counts them."""
        key_type = self.view.types[self.view.key]
        tie_type = self.view.types[self.view.view.source.tiebreaker]
        nothing = "CAST(NULL AS TIMESTAMP)"
        columns = [
            SPINE_ROW,
            self.dialect.epoch_micros(f"COALESCE({ASKED_AT}, {names.AS_OF})"),
            self.dialect.cast(self.dialect.quote(self.view.key), key_type),
            self.dialect.epoch_micros(names.AS_OF),
            self.dialect.cast("NULL", tie_type),
            f"{nothing}, {nothing}, {self.dialect.cast('NULL', BIGINT)}",
            f"{self.dialect.cast('NULL', STRING)}, FALSE",
            *("NULL" for _ in self.windows.arguments()),
        ]
        return f"SELECT {', '.join(columns)} FROM spine"

    def _final(self, feature: CompiledFeature) -> str:
        value = self.windows.value(feature, self.asked_at)
        return f"{value} AS {self.dialect.quote(feature.name)}"
