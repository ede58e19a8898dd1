"""What a state machine tells a function of a job: who asked, as which run, and as of when.

{"run": the job's id, "by": who asked, "now": when its execution started, "as_of", "known_by",
"for_all_rows": whether known_by holds for every row}, all of which may be left out.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hindcast import bootstrap
from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.instants import instant


def application(event: Mapping[str, Any]) -> Application:
    """The application, which records its runs as the job's and by whoever asked for it."""
    return acting(bootstrap.application(), event)


def acting(found: Application, event: Mapping[str, Any]) -> Application:
    """As `application`, where it is open already."""
    by = event.get("by") or found.settings.by
    return replace(found, settings=replace(found.settings, by=by, run_id=event.get("run")))


def now(event: Mapping[str, Any]) -> datetime:
    """The present of a job, which is the same however often its function is invoked."""
    return given(event, "now") or datetime.now(UTC)


def clocks(event: Mapping[str, Any]) -> Knowledge:
    """As of and known by when; raises InputError for what is no instant."""
    found = bootstrap.knowledge(event.get("as_of"), event.get("known_by"), now(event))
    return replace(found, per_row=not event.get("for_all_rows"))


def given(event: Mapping[str, Any], field: str) -> datetime | None:
    """The instant of a field, if it has one; raises InputError."""
    text = event.get(field)
    return None if text is None else instant(text, field)
