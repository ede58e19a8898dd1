"""The routes that the console is made of: the catalogue, one entity, replay, cards, drift."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import cast

from hindcast.audit.replay import replay as replays
from hindcast.errors import InputError, NotFoundError
from hindcast.formats.objects import local
from hindcast.operations import catalogue as catalogues
from hindcast.operations import lookup
from hindcast.operations.control import documents
from hindcast.operations.control.bodies import ChecksQuery, LookupBody, ModelQuery
from hindcast.operations.control.control import Call, Control, Reply
from hindcast.operations.control.reading import release_of, require_model
from hindcast.operations.drift import history


def catalogue(control: Control, call: Call) -> Reply:
    """Everything that is declared, with what is known of it."""
    found = catalogues.catalogue(control.application)
    return Reply(documents.CatalogueDocument.model_validate(asdict(found)))


def look_up(control: Control, call: Call) -> Reply:
    """One entity: what would be answered about it now, and what was before."""
    application, model = control.application, call.path["model"]
    require_model(application, model, "model", 404)
    body = cast("LookupBody", call.body)
    control.collect()
    found = lookup.look_up(application, model, body.question, datetime.now(UTC), body.limit)
    return Reply(documents.LookupDocument.model_validate(asdict(found)))


def replay(control: Control, call: Call) -> Reply:
    """A logged answer, computed again."""
    control.collect()
    found = replays.replay(control.application, call.path["id"])
    described = {**asdict(found), "matches": found.matches}
    return Reply(documents.ReplayDocument.model_validate(described))


def card(control: Control, call: Call) -> Reply:
    """A release's card, a page of its own."""
    application = control.application
    record = release_of(application, call.path["id"], cast("ModelQuery", call.query).model)
    # Where releases are now: what is recorded may be of a region that was lost.
    with local(f"{application.releases.location(record.release)}.html") as path:
        return Reply(documents.PageDocument(html=path.read_text("utf-8")))


def drift(control: Control, call: Call) -> Reply:
    """A model's newest checks for drift."""
    application, model = control.application, call.path["model"]
    require_model(application, model, "model", 404)
    found = history.checks(application.ledger, model)[: cast("ChecksQuery", call.query).limit]
    limit = application.project.models[model].drift.psi
    checks = [
        documents.DriftCheck(
            run=each.run,
            release=each.release,
            since=each.window.since,
            until=each.window.until,
            findings=each.findings,
            measures=each.measures,
            page=each.page,
        )
        for each in found
    ]
    return Reply(documents.DriftDocument(model=model, limit=limit, checks=checks))


def drift_page(control: Control, call: Call) -> Reply:
    """The page of a check for drift."""
    application, model = control.application, call.path["model"]
    require_model(application, model, "model", 404)
    check = history.check(application.ledger, model, call.path["run"])
    try:
        with local(check.page) as path:
            return Reply(documents.PageDocument(html=path.read_text("utf-8")))
    except InputError as error:
        raise NotFoundError(f"run {check.run}: its page is not kept; {error}") from error
