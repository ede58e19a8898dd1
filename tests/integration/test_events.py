"""Events on their way: every sink gets each of them, whatever breaks, and doubles carry one id."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event

from examples.subscriber import Subscriber
from hindcast import project
from hindcast.bootstrap import Application
from hindcast.demo import news
from hindcast.errors import InputError
from hindcast.operations.events import envelope, relay
from hindcast.operations.events.relay import Relay
from hindcast.operations.events.subscriptions import subscribe, unsubscribe
from hindcast.settings import Settings
from hindcast.stores.ledger import EventType, Ledger, Outbox
from tests.integration.crashes import ENVIRONMENT
from tests.integration.test_outbox import live

NOW = datetime(2026, 11, 28, tzinfo=UTC)
# One event of each type; those that the ledger writes itself are compared with what it wrote.
ANNOUNCED: Mapping[EventType, Mapping[str, Any]] = {
    "DriftDetected": {
        "model": "risk",
        "release": "a",
        "run": "r1",
        "findings": [{"kind": "feature", "name": "age", "statistic": "psi", "value": 0.3}],
    },
    "PredictionsReady": {
        "run": "r1",
        "model": "risk",
        "target": "s3://out/",
        "rows": 9,
        "errors": 0,
    },
    "FeaturesRefreshed": {
        "view": "paying",
        "definition_hash": "h",
        "run": "r1",
        "as_of": NOW,
        "known_by": NOW,
        "events": 9,
        "entities": 3,
    },
}


@pytest.fixture
def local(here: Settings, ledger: Ledger) -> Relay:
    return Relay(here, ledger.outbox, "/hindcast/test")


def written(home: Path) -> list[dict[str, Any]]:
    """The events in the home's file."""
    return [json.loads(line) for line in (home / relay.FILE).read_text().splitlines()]


def ids(outbox: Outbox) -> list[str]:
    return [event.id for event in reversed(outbox.events(limit=None))]


@contextmanager
def subscriber(relay: Relay, *types: str) -> Iterator[Subscriber]:
    """The example subscriber, subscribed as "crm"."""
    server = Subscriber(("127.0.0.1", 0), "")
    url = f"http://127.0.0.1:{server.server_port}/"
    server.secret = subscribe(relay.settings, relay.outbox, "crm", url, types, "ann").secret
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_every_type_is_a_cloud_event_with_data_as_its_schema_says(
    ledger: Ledger, local: Relay
) -> None:
    live(ledger)
    ledger.open_run("rebuild", {"model": "risk"}, "r2")
    ledger.close_run("r2", {}, "an alarm")
    with ledger.run("materialize", {"view": "paying"}, "r3") as run:
        for type, data in ANNOUNCED.items():
            run.announce(type, "risk", data)
    local.drain()
    events = written(local.settings.home)
    assert {event["type"] for event in events} == {*get_args(EventType)}
    for event in events:
        message = HTTPMessage({"content-type": envelope.CONTENT_TYPE}, json.dumps(event).encode())
        assert from_structured_event(message).get_specversion() == "1.0"
        schema = envelope.schema(event["type"])
        assert event["dataschema"] == schema["$id"]
        jsonschema.validate(event["data"], schema, jsonschema.Draft202012Validator)


def test_the_file_has_each_event_once_in_order(ledger: Ledger, local: Relay) -> None:
    live(ledger)
    assert local.drain().delivered == {"file": 7}
    assert not local.drain().delivered
    assert [event["id"] for event in written(local.settings.home)] == ids(ledger.outbox)


def test_a_subscriber_gets_the_types_it_asked_for_from_then_on_signed(
    ledger: Ledger, local: Relay, capsys: pytest.CaptureFixture[str]
) -> None:
    live(ledger)
    with subscriber(local, "Promoted") as server:
        last = ledger.promotions()[0].number
        ledger.promote("risk", "b", last, "promote", False, None, None, "ann")
        assert local.drain().delivered["webhook:crm"] == 1
        assert server.seen == {ledger.outbox.events("Promoted")[0].id}
    assert capsys.readouterr().out.startswith('Promoted risk {"by": "ann"')


def test_what_is_not_signed_with_the_subscriptions_secret_is_tried_again_and_then_dead(
    ledger: Ledger, local: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "DELAYS", (timedelta(0), timedelta(0)))
    with subscriber(local) as server:
        with ledger.run("train", {}):
            pass
        secret, server.secret = server.secret, ""
        passes = [local.deliver() for _ in range(4)]
        assert [each.failed.get("webhook:crm", 0) for each in passes] == [1, 1, 0, 0]
        assert passes[2].dead == {"webhook:crm": 1}
        [(event, last)] = ledger.outbox.undelivered()
        assert (last.sink, last.attempt) == ("webhook:crm", 3)
        assert str(last.error).endswith("answered 401")
        server.secret = secret
        ledger.outbox.resend(event.id)
        local.deliver()
        assert server.seen == {event.id}


def test_a_subscriber_that_is_down_does_not_hold_up_the_others(
    ledger: Ledger, local: Relay
) -> None:
    with subscriber(local):
        pass
    live(ledger)
    passed = local.deliver()
    assert passed.delivered == {"file": 7}
    assert passed.failed == {"webhook:crm": relay.FAILURES_IN_A_ROW}


# Ends a run, and kills itself where the outbox or a sink is called.
KILLED = """
import os, signal, sys
from pathlib import Path
from hindcast import names, project, settings
from hindcast.bootstrap import Application
from hindcast.demo import news
from hindcast.operations.events import sinks
from hindcast.operations.events.relay import Relay
from hindcast.stores.ledger import Ledger, Outbox, events

url, home, moment = sys.argv[1:]

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

ledger = Ledger(url)
relay = Relay(settings.load({}, home=Path(home)), ledger.outbox, "/hindcast/test")
if moment == "entry":
    events.write = die
with ledger.run("train", {}, "r1"):
    pass
if moment == "record":
    Outbox.record = die
if moment == "send":
    sinks.FileSink.send = die
relay.deliver()
"""


@pytest.mark.parametrize(
    ("moment", "status", "lines"),
    [("entry", "unfinished", 0), ("send", "succeeded", 1), ("record", "succeeded", 2)],
)
def test_a_kill_loses_no_event_and_a_double_carries_its_id(
    ledger: Ledger, local: Relay, database_url: str, moment: str, status: str, lines: int
) -> None:
    """Killed before its end and its event are one; before the event is sent; after it was."""
    arguments = [database_url, str(local.settings.home), moment]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], env=ENVIRONMENT, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    assert ledger.find_run("r1").status == status
    local.drain()
    found = written(local.settings.home) if lines else []
    assert [event["id"] for event in found] == ids(ledger.outbox) * lines


def test_two_relays_at_once_send_each_event_once(ledger: Ledger, local: Relay) -> None:
    live(ledger)
    relays = [threading.Thread(target=local.drain) for _ in range(2)]
    for each in relays:
        each.start()
    for each in relays:
        each.join()
    local.drain()
    assert [event["id"] for event in written(local.settings.home)] == ids(ledger.outbox)


def test_a_relay_in_a_thread_delivers_until_it_is_closed(ledger: Ledger, local: Relay) -> None:
    came = threading.Event()
    with subscriber(local) as server, local.opened(every=0.01):
        server.take = lambda event: came.set()  # type: ignore[method-assign]
        with ledger.run("train", {}):
            pass
        assert came.wait(60)


def test_a_secret_is_kept_in_the_home_for_its_owner_only(ledger: Ledger, local: Relay) -> None:
    made = subscribe(local.settings, ledger.outbox, "crm", "http://crm.test/", [], "ann")
    file = local.settings.home / "subscriptions" / "crm"
    assert file.read_text() == made.secret
    assert file.stat().st_mode & 0o077 == 0
    assert made.secret not in repr(ledger.outbox.subscriptions())
    unsubscribe(local.settings, ledger.outbox, "crm", "ann")
    assert not file.exists()


def test_a_subscription_that_cannot_be_is_refused(ledger: Ledger, here: Settings) -> None:
    def refused(name: str, url: str, types: list[str], places: Settings = here) -> str:
        with pytest.raises(InputError) as error:
            subscribe(places, ledger.outbox, name, url, types, "ann")
        return str(error.value)

    assert "a name is up to 63 of a-z" in refused("../up", "http://crm.test/", [])
    assert "no event is 'Promote'" in refused("crm", "http://crm.test/", ["Promote"])
    on_aws = replace(here, deployment="staging")
    assert "write https://host/path" in refused("crm", "http://crm.test/", [], on_aws)
    assert "leads to 127.0.0.1" in refused("crm", "https://localhost/", [], on_aws)
    assert ledger.outbox.subscriptions() == []


def test_the_demos_subscriber_receives_what_is_delivered(
    ledger: Ledger, here: Settings, database_url: str
) -> None:
    application = Application(replace(here, database_url=database_url), project.read())
    with ExitStack() as stack:
        news.subscribe(application, stack)
        live(ledger)
        report = news.deliver(application)
    assert report["delivered"] == {"file": 7, "webhook:subscriber": 7}
    assert report["among them"][0] == "GateRefused risk"
