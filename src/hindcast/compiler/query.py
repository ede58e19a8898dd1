"""The one query of Hindcast: windows over history and spine, as of an instant, known by another.

Relations it reads: `raw` (a source's raw table) and, for a caller's spine, `spine` with the
columns key, as_of, tiebreaker, known_by, asked_at (instants in UTC) and spine_row. Windows are as
of as_of; where tiebreaker is not null, the row comes after the events of its instant with a lesser
one. Request-time features are evaluated at asked_at, or at as_of where asked_at is null. An online
answer is such a row: stored features as of the materialization, ages as of the request.

Windows know one knowledge, which is the last that any row has. Rows that knew less than that,
because a record of an event before them came after their own knowledge, are marked _knew_less;
as_known computes them anew, by a join of each with the records it knew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hindcast import names
from hindcast.compiler import shapes
from hindcast.compiler.dialects import DIALECTS, DUCKDB, micros
from hindcast.compiler.features import CompiledView
from hindcast.compiler.statement import Statement

# Of a training row: whether its label can be trusted.
IS_MATURE = "_is_mature"


@dataclass(frozen=True)
class Knowledge:
    """As of an instant (events strictly before it), known by another (records until it).

    per_row: each row of a spine knows what was recorded by its own instant, if by known_by, where
    its source says when records were learned of.
    """

    as_of: datetime
    known_by: datetime
    per_row: bool = False


def materialization(view: CompiledView, dialect: str, knowledge: Knowledge) -> str:
    """Every event's features, and one row per entity at the instant (_is_event is false there).

    Columns: key, event_timestamp, tiebreaker, features, inputs of request-time features,
    _is_event, and of entity rows alone _records: the entity's known records, replaced ones
    included; and _overflowed: the stored features that are null for want of digits, by commas.
    """
    query = Statement(view, DIALECTS[dialect], "entities", knowledge.as_of, knowledge.known_by)
    columns = [*query.identity(), *query.feature_columns(), *query.inputs()]
    return query.sql([*columns, "_is_event", "_records", query.overflowed()])


def training_set(
    view: CompiledView,
    dialect: str,
    knowledge: Knowledge,
    matures: timedelta,
    carried: Mapping[str, str],
    label: str | None,
) -> str:
    """Events with the features before them, ordered by key, event timestamp, tiebreaker.

    carried: column of the answer -> of the source, as the event has it. label: the source's column;
    events without one are left out; None for labels that are joined later. Columns: key,
    event_timestamp, tiebreaker, features, carried, label, _has_history (whether the key has an
    earlier event), _is_mature (whether the event is older than `matures`), _knew_less.
    """
    query = Statement(
        view,
        DIALECTS[dialect],
        "events",
        knowledge.as_of,
        knowledge.known_by,
        carried={**carried, **({names.LABEL: label} if label else {})},
        knowledge="_at" if knowledge.per_row else None,
    )
    is_mature = f"_at < {micros(knowledge.as_of - matures)} AS {IS_MATURE}"
    columns = [*query.identity(), *query.feature_columns(), *query.carried()]
    columns += [query.has_history, is_mature, query.knew_less]
    is_wanted = f"{query.slot(names.LABEL)} IS NOT NULL" if label else shapes.IS_THERE
    return query.sql(columns, where=is_wanted, order=query.order)


def historical(
    view: CompiledView, dialect: str, known_by: datetime | None, crowded: bool = False
) -> str:
    """Features of each row of `spine`, in its order, each as of the row's own instant.

    known_by: the last knowledge that any row has. crowded: whether entities have thousands of rows,
    so that windows find their ends faster by counting rows; the answer is the same. Columns: keys,
    as_of, features, _has_history (whether the key has an event before as_of), _knew_less.
    """
    query = Statement(
        view,
        DIALECTS[dialect],
        "table",
        known_by=known_by,
        knowledge="_known",
        counts_rows=crowded and dialect == DUCKDB.name,
    )
    columns = [*query.keys(), f"{query.instant} AS {names.AS_OF}", *query.feature_columns()]
    columns += [query.has_history, query.knew_less]
    return query.sql(columns, where="NOT _is_event", order="_spine_row")


def as_known(view: CompiledView, dialect: str) -> str:
    """Features of each row of `spine`, in its order, out of the records that the row knew.

    Columns: features, _has_history.
    """
    query = Statement(view, DIALECTS[dialect], "known")
    columns = [*query.feature_columns(), query.has_history]
    return query.sql(columns, where="NOT _is_event", order="_key")
