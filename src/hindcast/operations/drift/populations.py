"""The rows that are held against a release: answers of the log, events of a materialization."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

from hindcast import names
from hindcast.audit.prediction_log import reader
from hindcast.compiler.dialects import DUCKDB
from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.compiler.quoting import literal
from hindcast.engines.base import RawTable
from hindcast.operations.drift.counting import CountedRows, number, text
from hindcast.operations.drift.findings import Period, Population
from hindcast.operations.drift.reference import SCORE
from hindcast.releases.contents import ReleaseContents
from hindcast.stores.lake import Lake

_quote = DUCKDB.quote


@dataclass(frozen=True)
class Examined:
    """A population in a window, or why it cannot be judged."""

    population: Population
    name: str
    table: RawTable | None
    rows: CountedRows
    reason: str = ""


def served(release: ReleaseContents, lake: Lake, window: Period) -> Examined:
    """What the release was asked in the window, and what it answered."""
    table = lake.find(names.PREDICTIONS)
    features = release.service.features
    types = {each.name: _json_type(each) for each in features}
    source = (
        f"(SELECT *, from_json(features, {literal(json.dumps(types))}) AS f FROM raw "
        f"WHERE {reader.answered_by(release.id)} AND {_within('instant', window)})"
    )
    values = {
        column: f"f.{_quote(each.name)}" + (f"[{place + 1}]" if each.datatype.is_array else "")
        for each in features
        for place, column in enumerate(each.columns)
    }
    scored = {**_values(features, values), SCORE: _score(release.plan.rule.task)}
    slices = {
        each.name: f"json_extract_string(features, {literal(_path(each.name))})"
        for each in features
        if not each.datatype.is_array
    }
    reason = "" if table else "no prediction is collected yet; run: hindcast collect-log FILE"
    return Examined("served", "answers", table, CountedRows(source, scored, slices), reason)


def materialized(release: ReleaseContents, lake: Lake, window: Period) -> list[Examined]:
    """The events of the window that the newest materialization has features of, by view."""
    return [_of_view(release, view, lake, window) for view in release.service.views]


def _of_view(release: ReleaseContents, view: CompiledView, lake: Lake, window: Period) -> Examined:
    service = release.service
    features = [each for each in view.features if each.name in service.read_of(view)]
    read = {
        column: _quote(each.name) + (f"[{place + 1}]" if each.datatype.is_array else "")
        for each in features
        for place, column in enumerate(each.columns)
    }
    slices = {
        each.name: f"CAST({_quote(each.name)} AS VARCHAR)"
        for each in view.features
        if not each.datatype.is_array
    }
    rows = CountedRows(_events(release, view, window), _values(features, read), slices)
    table = lake.find(names.FEATURES, view.view.name)
    reason = _why_not(release, view, table)
    return Examined("materialized", f"events of {view.view.name}", table, rows, reason)


def _why_not(release: ReleaseContents, view: CompiledView, table: RawTable | None) -> str:
    """Why rows of a view are not like those that the release learned from; empty if they are."""
    service, labelled = release.question
    if table is None:
        return "it was never materialized; run: hindcast materialize"
    if view.view.source.name != labelled.events.name:
        return f"the model learned from other events, those of {labelled.events.name}"
    if labelled.label.ahead:
        return "the model learned from features as they were before the events"
    if release.manifest.get("cold_start") != "answer" and len(service.views) > 1:
        return "which of its events the model would not answer depends on other views"
    return ""


def _events(release: ReleaseContents, view: CompiledView, window: Period) -> str:
    """Event rows of the version that the release reads.

    Without those of an entity's first instant, where the model neither learns from nor answers
    about what has no history.
    """
    kept = [
        f"{_quote(names.DEFINITION_HASH)} = {literal(view.definition_hash)}",
        _within(names.EVENT_TIMESTAMP, window),
    ]
    if release.manifest.get("cold_start") == "answer":
        return f"(SELECT * FROM raw WHERE {' AND '.join(kept)})"
    keys = ", ".join(map(_quote, view.keys))
    first = f"SELECT {keys}, min({names.EVENT_TIMESTAMP}) AS _first FROM raw GROUP BY {keys}"
    kept.append(f"{names.EVENT_TIMESTAMP} > _first")
    return f"(SELECT raw.* FROM raw JOIN ({first}) USING ({keys}) WHERE {' AND '.join(kept)})"


def _values(features: Sequence[CompiledFeature], read: Mapping[str, str]) -> dict[str, str]:
    """Column -> its value as models read it: null for what is no number, and for empty text."""
    found = {}
    for each in features:
        is_number = each.datatype.is_numeric or each.datatype.is_array
        for column in each.columns:
            found[column] = number(read[column]) if is_number else text(read[column])
    return found


def _score(task: str) -> str:
    """What the release's histogram of scores counts."""
    if task == "binary":
        return "probability"
    answered = "json_extract_string(answer, '$.prediction')"
    return text(answered) if task == "multiclass" else number(answered)


def _json_type(feature: CompiledFeature) -> str:
    kind = feature.datatype
    if kind.is_array:
        return "DOUBLE[]"
    return "DOUBLE" if kind.is_numeric else "VARCHAR"


def _path(name: str) -> str:
    """A JSON pointer."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _within(column: str, window: Period) -> str:
    since, until = (
        f"TIMESTAMPTZ '{end.astimezone(UTC).isoformat()}'" for end in (window.since, window.until)
    )
    return f"{column} >= {since} AND {column} < {until}"
