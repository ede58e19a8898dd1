"""What came of answers: each labelled event, joined to the last answer that was about it.

As in training, an event is one row. It is of the answer about the same keys that was asked for
before it: at most `matures` (a day, where that is less) before, and not less than `ahead`. Where
the question carries the columns that the label is found by, they say which event it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hindcast import bootstrap, names
from hindcast.compiler.dialects import DUCKDB
from hindcast.compiler.labelled import Labelled
from hindcast.compiler.query import Knowledge
from hindcast.compiler.service import CompiledService
from hindcast.data import examples
from hindcast.data.spine import INSTANT
from hindcast.datatypes import DataType
from hindcast.engines import duckdb
from hindcast.models.tasks.base import Labels
from hindcast.operations.drift import answers
from hindcast.operations.drift.answers import Answers
from hindcast.operations.drift.findings import Period
from hindcast.releases.contents import ReleaseContents
from hindcast.stores.lake import Lake

# An event may come so long after the answer about it, even if its label matures at once.
LEAST_WITHIN = timedelta(days=1)
EPOCH, EVER = datetime.fromtimestamp(0, UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Outcomes:
    """Answers with their labels, in the order of their instants.

    ages: microseconds from the answer to its event. trusted: when the label came to be trusted, in
    microseconds since 1970 UTC. unanswered: events that no answer was about.
    """

    answers: Answers
    labels: Labels
    ages: NDArray[np.int64]
    trusted: NDArray[np.int64]
    unanswered: int

    def __len__(self) -> int:
        return len(self.answers)

    def within(self, window: Period) -> NDArray[np.bool_]:
        """Whose labels came to be trusted in a window."""
        since, until = (_micros(end - EPOCH) for end in (window.since, window.until))
        return (self.trusted >= since) & (self.trusted < until)


def of_window(release: ReleaseContents, lake: Lake, window: Period) -> Outcomes:
    """Events whose labels came to be trusted in a window, with a release's answers about them.

    Raises NotFoundError where a source of them was never ingested, TrainingError for a label that
    the release's task does not know.
    """
    service, labelled = release.question
    label = labelled.label
    within = max(label.matures, LEAST_WITHIN)
    since, until = window.since - label.matures, window.until - label.matures
    events = _events(service, labelled, lake, Period(since, until), window.until)
    carried = _carried(service, labelled)
    # What names its event may also be asked after it.
    end = window.until if carried else until
    found = answers.of_release(release, lake, since - within - label.ahead, end).about_entities()
    joined = _joined(found, events, carried, labelled, within)
    matched = found.take(joined["place"].to_numpy())
    labels = matched.task.labels(joined[names.LABEL], label.column)
    ages, trusted = (np.asarray(joined[name].to_numpy(), np.int64) for name in ("age", "event_at"))
    trusted = trusted + _micros(label.matures)
    return Outcomes(matched, labels, ages, trusted, events.num_rows - len(matched))


def _events(
    service: CompiledService, labelled: Labelled, lake: Lake, of: Period, until: datetime
) -> pa.Table:
    """Labelled events of a window as of an instant, as known today: keys, _at, _event, label."""
    alone = replace(service, views=(), features=(), given=_carried(service, labelled))
    fix = "run: hindcast ingest FILE"
    sources = {each.name for each in (labelled.events, labelled.labels)}
    raw = {name: lake.open(names.RAW, name, fix=fix) for name in sources}
    knowledge = Knowledge(until, EVER)
    rows = examples.of_events(alone, labelled, bootstrap.engine("duckdb"), raw, knowledge)
    table = rows.table.append_column("_at", rows.instants)
    with duckdb.session() as connection:
        connection.register("events", table)
        ends = [f"TIMESTAMPTZ '{end.isoformat()}'" for end in (of.since, of.until)]
        return connection.sql(
            f"SELECT *, row_number() OVER () AS _event FROM events "
            f"WHERE _at >= {ends[0]} AND _at < {ends[1]}"
        ).to_arrow_table()


def _carried(service: CompiledService, labelled: Labelled) -> Mapping[str, DataType]:
    """The columns that a label is found by, of those that come with the question."""
    return {name: service.given[name] for name in labelled.found_by if name in service.given}


def _joined(
    found: Answers,
    events: pa.Table,
    carried: Mapping[str, DataType],
    labelled: Labelled,
    within: timedelta,
) -> pa.Table:
    """place: of the answer; label, event_at: of its event; age. Each event once."""
    asked = _asked(found, list(carried), labelled)
    equal = [f"a.{DUCKDB.quote(name)} = e.{DUCKDB.quote(name)}" for name in _keys(asked)]
    # The first event of the keys from the answer on; the keys of a label need no order.
    join = "JOIN" if carried else "ASOF JOIN"
    order = [] if carried else ["a._asked <= e._at"]
    with duckdb.session() as connection:
        connection.register("asked", asked)
        connection.register("events", events)
        return connection.sql(
            "SELECT place, label, event_at, age FROM ("
            "SELECT a.place, e.label, e._event, epoch_us(e._at) AS event_at, "
            "epoch_us(e._at) - epoch_us(a._asked) AS age "
            f"FROM asked a {join} {_first_of_instant(asked)} e ON {' AND '.join([*equal, *order])}"
            f") WHERE age <= {_micros(within)} "
            "QUALIFY row_number() OVER (PARTITION BY _event ORDER BY place DESC) = 1 "
            "ORDER BY place"
        ).to_arrow_table()


def _first_of_instant(asked: pa.Table) -> str:
    """The events, one for each keys and instant: of several, the first in their order."""
    keys = ", ".join(map(DUCKDB.quote, _keys(asked)))
    return (
        "(SELECT * FROM events QUALIFY row_number() OVER "
        f"(PARTITION BY {keys}, _at ORDER BY {names.TIEBREAKER}) = 1)"
    )


def _keys(asked: pa.Table) -> Sequence[str]:
    return [name for name in asked.column_names if name not in ("place", "_asked")]


def _asked(found: Answers, carried: Sequence[str], labelled: Labelled) -> pa.Table:
    """Keys, carried columns, place, and _asked: the instant that the answer looks ahead to.

    An event that only has a day happened at its start, and so does what is asked on that day.
    """
    service, asked = found.release.service, found.questions
    at = found.rows["instant"].combine_chunks().cast(INSTANT)
    kinds = [*service.keys.items(), *service.given.items()]
    values = [(*each.keys, *each.given) for each in asked]
    columns = {
        name: pa.array([row[place] for row in values], kind.arrow())
        for place, (name, kind) in enumerate(kinds)
        if name in service.keys or name in carried
    }
    micros = at.cast(pa.int64()).to_numpy(zero_copy_only=False)
    micros = micros + _micros(labelled.label.ahead)
    if labelled.events.types[labelled.events.event_timestamp].kind == "date":
        micros = micros - micros % _micros(timedelta(days=1))
    return pa.table(
        {**columns, "place": np.arange(len(found)), "_asked": pa.array(micros).cast(INSTANT)}
    )


def _micros(length: timedelta) -> int:
    return int(length / timedelta(microseconds=1))
