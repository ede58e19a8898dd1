"""Commands about events: what happened, who is told of it, and what did not arrive."""

import getpass
import time
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hindcast import bootstrap
from hindcast.cli import console, phrases
from hindcast.cli.app import app
from hindcast.cli.options import HomeOption, JsonOption, ProjectOption, now, show_all

if TYPE_CHECKING:
    from hindcast.stores.ledger import Delivery, Event, Subscription

events = typer.Typer(help="List what happened, and who is told.")
app.add_typer(events, name="events", no_args_is_help=True)


@events.command("list")
def list_(
    type: Annotated[str | None, typer.Option(help="Such as Promoted or DriftDetected.")] = None,
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1)] = 20,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List events, the newest first."""
    from hindcast.operations.events.subscriptions import event_type

    outbox = bootstrap.application(home, project, compiled=False).ledger.outbox
    found = outbox.events(event_type(type) if type else None, limit)
    if as_json:
        show_all(found, as_json)
        return
    console.lines([_event_line(each, now()) for each in found])


@events.command()
def subscribe(
    name: Annotated[str, typer.Argument(help="What to call the subscription.")],
    url: Annotated[str, typer.Argument(help="Where its events are posted to.")],
    type: Annotated[
        list[str] | None, typer.Option("--type", help="A type of event; may be repeated. All.")
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Post events to a URL from now on. Prints the secret they are signed with, this once."""
    from hindcast.operations.events.subscriptions import subscribe as use_case

    application = bootstrap.application(home, project, compiled=False)
    outbox, by = application.ledger.outbox, getpass.getuser()
    console.show(use_case(application.settings, outbox, name, url, type or [], by), as_json)


@events.command()
def unsubscribe(
    name: Annotated[str, typer.Argument(help="The subscription's name.")],
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Post nothing more to a subscription."""
    from hindcast.operations.events.subscriptions import unsubscribe as use_case

    application = bootstrap.application(home, project, compiled=False)
    outbox, by = application.ledger.outbox, getpass.getuser()
    console.show(use_case(application.settings, outbox, name, by), as_json)


@events.command()
def subscriptions(
    project: ProjectOption = None, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """List who is subscribed."""
    found = bootstrap.application(home, project, compiled=False).ledger.outbox.subscriptions()
    if as_json:
        show_all(found, as_json)
        return
    console.lines([_subscription_line(each, now()) for each in found])


@events.command()
def deliver(
    watch: Annotated[bool, typer.Option("--watch", help="Go on until interrupted.")] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hand over what is due. To events.jsonl in the home, and to subscriptions."""
    from hindcast.operations.events.relay import EVERY_SECONDS, relay_of

    relay = relay_of(bootstrap.application(home, project, compiled=False))
    console.show(relay.drain(), as_json)
    while watch:
        time.sleep(EVERY_SECONDS)
        passed = relay.deliver()
        if passed.delivered or passed.failed:
            console.show(passed, as_json)


@events.command()
def dead(
    project: ProjectOption = None, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """List dead letters. Events that a sink did not take, however often they were sent."""
    found = bootstrap.application(home, project, compiled=False).ledger.outbox.undelivered()
    if as_json:
        show_all([{"event": event.id, **_letter(event, last)} for event, last in found], as_json)
        return
    console.lines([{"event": event.id, **_letter(event, last)} for event, last in found])


@events.command()
def resend(
    event: Annotated[str | None, typer.Argument(help="An event's id. Default: all.")] = None,
    sink: Annotated[
        str | None, typer.Option(help="Only to this one, such as webhook:NAME or file.")
    ] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send dead letters anew. The next delivery hands them over."""
    outbox = bootstrap.application(home, project, compiled=False).ledger.outbox
    console.show({"resent": outbox.resend(event, sink)}, as_json)


def _event_line(event: "Event", at: datetime) -> dict[str, Any]:
    return {
        "event": event.id,
        "type": event.type,
        "subject": event.subject,
        "when": phrases.ago(event.occurred_at, at),
        "data": phrases.parameters(event.data),
    }


def _subscription_line(subscription: "Subscription", at: datetime) -> dict[str, Any]:
    return {
        "subscription": subscription.name,
        "types": ", ".join(subscription.types) or "all",
        "by": subscription.by,
        "since": phrases.ago(subscription.changed_at, at),
        "url": subscription.url,
    }


def _letter(event: "Event", last: "Delivery") -> dict[str, Any]:
    return {
        "type": event.type,
        "subject": event.subject,
        "sink": last.sink,
        "attempts": last.attempt,
        "why": last.error,
    }
