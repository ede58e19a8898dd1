"""The events that a model learns from, each with its label, before any features."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from hindcast import names
from hindcast.compiler import query
from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.labelled import Labelled
from hindcast.compiler.query import IS_MATURE, Knowledge
from hindcast.compiler.service import CompiledService
from hindcast.compiler.statement import KNEW_LESS
from hindcast.data import spine as spines
from hindcast.data.spine import INSTANT
from hindcast.definitions import Feature, FeatureView, Source, prior
from hindcast.engines import duckdb
from hindcast.engines.base import Engine, RawTable
from hindcast.formats.spine_file import Rows

# Why a labelled event is no training row.
NOT_MATURE = "label not mature yet"
NO_LABEL = "no label known yet"

# Columns that the label of another source is found by, beside it.
_ON = "_on"


@dataclass(frozen=True)
class Examples:
    """Events whose label can be trusted: keys, event_timestamp, tiebreaker, given values, label.

    lead: a view whose features the table has too, by one knowledge for all, with _has_history and
    _knew_less; None where no view is computed with the events. left_out: reason -> how many events
    are not among them. known_by: what rows of a caller's file know, null where they do not say;
    None where they are a source's events.
    """

    table: pa.Table
    lead: CompiledView | None
    left_out: Mapping[str, int]
    known_by: pa.Array | None = None

    @property
    def instants(self) -> pa.Array:
        """When each event happened."""
        return self.table[names.EVENT_TIMESTAMP].cast(INSTANT).combine_chunks()

    def asked_at(self, ahead: timedelta) -> pa.Array:
        """When the question about each event is asked: at the event, or so long ahead of it."""
        return pc.subtract(self.instants, pa.scalar(ahead, pa.duration("us")))


def of_events(
    service: CompiledService,
    labelled: Labelled,
    engine: Engine,
    raw: Mapping[str, RawTable],
    knowledge: Knowledge,
) -> Examples:
    """The spine's events as of an instant, whose labels are known and mature.

    raw: the raw table of each source by its name. The view of the spine's own first entity is
    computed with them, in one pass over the history.
    """
    events, label = labelled.events, labelled.label
    lead = next((view for view in service.views if _leads(view, labelled)), None)
    view = lead or _counting(events)
    per_row = replace(knowledge, per_row=knowledge.per_row and events.recorded_at is not None)
    own_label = label.name if labelled.own else None
    carried = _carried(service, labelled)
    sql = query.training_set(view, engine.dialect, per_row, label.matures, carried, own_label)
    found = engine.query(sql, raw[events.name], source=events)
    left_out = {}
    if own_label is None:
        known = _with_labels(found, labelled, engine, raw[labelled.labels.name], knowledge)
        left_out[NO_LABEL] = len(found) - len(known)
        found = known
    mature = found.filter(found[IS_MATURE])
    left_out[NOT_MATURE] = len(found) - len(mature)
    dropped = [IS_MATURE, *(name for name in carried if name.startswith(_ON))]
    if lead is None:
        dropped += [names.HAS_HISTORY, KNEW_LESS, *(f.name for f in view.features)]
    return Examples(mature.drop_columns(dropped), lead, left_out)


def of_file(
    service: CompiledService, labelled: Labelled, rows: Rows, knowledge: Knowledge
) -> Examples:
    """A caller's own rows: keys, event_timestamp, given values, label; maybe known_by.

    Raises InputError naming the row and column of what is none of these.
    """
    spine = spines.read(service, rows)
    source, events = labelled.labels, labelled.events
    label = spines.typed_column(rows, names.LABEL, source.types[labelled.label.name], "the label")
    firsts = {
        key: spines.typed_column(rows, key, events.types[column], "the key", is_required=True)
        for key, column in zip(events.first.keys, events.key_columns(events.first), strict=True)
    }
    columns = {**spine.keys, **firsts, names.EVENT_TIMESTAMP: spine.as_of, **spine.given}
    tiebreakers = pa.nulls(len(spine.as_of))
    table = pa.table({**columns, names.TIEBREAKER: tiebreakers, names.LABEL: label})
    has_label = pc.is_valid(label)
    until = pa.scalar(knowledge.as_of - labelled.label.matures, INSTANT)
    wanted = pc.and_(has_label, pc.less(spine.as_of, until))
    missing = len(label) - pc.sum(has_label).as_py()
    left_out = {NO_LABEL: missing, NOT_MATURE: len(label) - missing - pc.sum(wanted).as_py()}
    return Examples(table.filter(wanted), None, left_out, spine.known_by.filter(wanted))


def _leads(view: CompiledView, labelled: Labelled) -> bool:
    """Whether the events can be read with the view's features: it is of them, and not ahead."""
    own, events = view.view, labelled.events
    is_first = own.of == events.first and own.key_columns == events.key_columns(events.first)
    return own.source.name == events.name and is_first and not labelled.label.ahead


def _counting(events: Source) -> CompiledView:
    """A view that is there for its history alone: the events in their last version."""
    count = Feature("events_before", "count(*)", over=prior())
    return compile_view(FeatureView(events.name, events, [count], entity=events.first))


def _carried(service: CompiledService, labelled: Labelled) -> dict[str, str]:
    """Columns of the training set -> of the events: other entities' keys, and given values."""
    events = labelled.events
    keys = {
        key: column
        for entity, columns in events.columns_by_entity.items()
        for key, column in zip(entity.keys, columns, strict=True)
    }
    computed = (feature.name for view in service.views for feature in view.features)
    own = {*events.first.keys, *service.names, *computed}
    given = {name: name for name in service.given}
    found_by = {f"{_ON}{number}": name for number, name in enumerate(labelled.found_by)}
    return {**{key: c for key, c in keys.items() if key not in own}, **given, **found_by}


def _with_labels(
    events: pa.Table, labelled: Labelled, engine: Engine, raw: RawTable, knowledge: Knowledge
) -> pa.Table:
    """The events that another source has a label for: that of its last event for them."""
    source, label = labelled.labels, labelled.label
    found_by = enumerate(labelled.found_by.values())
    carried = {f"{_ON}{number}": name for number, name in found_by}
    view = _counting(source)
    known = replace(knowledge, per_row=False)
    sql = query.training_set(view, engine.dialect, known, label.matures, carried, label.name)
    labels = engine.query(sql, raw, source=source)
    on = ", ".join(carried)
    last = f"ORDER BY {names.EVENT_TIMESTAMP} DESC, {names.TIEBREAKER} DESC"
    with duckdb.session() as connection:
        connection.register("labels", labels)
        newest = connection.sql(
            f"SELECT {on}, {names.LABEL} FROM labels "
            f"QUALIFY ROW_NUMBER() OVER (PARTITION BY {on} {last}) = 1"
        ).to_arrow_table()
    keys = events.select([*carried])
    numbered = keys.append_column("_row", pa.array(range(len(events)), pa.int64()))
    # Of the events their keys alone: Arrow joins no rows that have arrays.
    joined = numbered.join(newest, list(carried), join_type="inner").sort_by("_row")
    return events.take(joined["_row"]).append_column(names.LABEL, joined[names.LABEL])
