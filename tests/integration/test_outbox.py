"""The outbox of a real ledger: each entry and its event are one, and each sink gets every event."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from hindcast.errors import InputError, NotFoundError
from hindcast.stores.ledger import Event, Ledger

AT = datetime(2021, 9, 17, tzinfo=UTC)
NOW = timedelta(0)


def told(ledger: Ledger) -> list[tuple[str, str]]:
    return [(event.type, event.subject) for event in reversed(ledger.outbox.events())]


def live(ledger: Ledger) -> None:
    """A run, two releases, a refusal, a promotion and a way back."""
    with ledger.run("train", {"model": "risk", "file": "s3://secret"}, "r1"):
        ledger.add_release("risk", "a", {}, {}, "/r/a", "r1")
    ledger.add_release("risk", "b", {}, {}, "/r/b", None)
    checks = [
        {"name": "auc", "found": "0.61", "required": "0.65", "passed": False},
        {"name": "rows", "found": "9", "required": "5", "passed": True},
    ]
    ledger.add_evaluation("risk", "a", None, True, {}, AT, AT, "r1")
    ledger.add_evaluation("risk", "b", "a", False, {"checks": checks}, AT, AT, None)
    first = ledger.promote("risk", "a", None, "promote", False, None, None, "ann")
    second = ledger.promote("risk", "b", first.number, "promote", True, "why", None, "ann")
    ledger.promote("risk", "a", second.number, "rollback", False, None, None, "bob")


def test_each_entry_that_others_wait_for_leaves_its_event(ledger: Ledger) -> None:
    live(ledger)
    assert told(ledger) == [
        ("ReleaseReady", "risk"),
        ("RunFinished", "r1"),
        ("ReleaseReady", "risk"),
        ("GateRefused", "risk"),
        ("Promoted", "risk"),
        ("Promoted", "risk"),
        ("RolledBack", "risk"),
    ]
    [back, _, promoted, refused, *_, finished, ready] = ledger.outbox.events()
    assert ready.data == {"model": "risk", "release": "a", "version": 1, "run": "r1"}
    assert set(finished.data) == {"run", "kind", "model", "seconds"}
    assert refused.data["failures"] == ["auc: 0.61, required: 0.65"]
    assert (promoted.data["replaces"], back.data["replaces"]) == (None, "b")


def test_what_is_recorded_already_is_told_once(ledger: Ledger) -> None:
    ledger.add_release("risk", "a", {}, {}, "/r/a", None)
    ledger.add_release("risk", "a", {}, {}, "/r/a", None)
    ledger.open_run("rebuild", {"model": "risk"}, "r2")
    ledger.close_run("r2", {}, "an alarm: customer 5008827")
    ledger.close_run("r2", {})
    assert told(ledger) == [("ReleaseReady", "risk"), ("RunFailed", "r2")]
    assert "5008827" not in str(ledger.outbox.events("RunFailed"))


def test_what_a_run_announces_is_told_if_it_ends_well(ledger: Ledger) -> None:
    with ledger.run("materialize", {"view": "paying"}, "r1") as run:
        run.announce("FeaturesRefreshed", "paying", {"as_of": AT})
        assert told(ledger) == []
    with suppress(ValueError), ledger.run("drift", {"model": "m"}, "r2") as run:
        run.announce("DriftDetected", "m", {})
        raise ValueError("no")
    assert told(ledger) == [
        ("FeaturesRefreshed", "paying"),
        ("RunFinished", "r1"),
        ("RunFailed", "r2"),
    ]
    assert ledger.outbox.events()[-1].data == {"as_of": "2021-09-17T00:00:00+00:00"}


def test_a_sink_is_due_what_it_did_not_get(ledger: Ledger) -> None:
    live(ledger)
    outbox, everything = ledger.outbox, list(reversed(ledger.outbox.events()))
    first, second = outbox.due("file")[:2]
    assert [due.event for due in outbox.due("file")] == everything
    outbox.record("file", first)
    outbox.record("file", second, "no disk", timedelta(hours=1))
    assert [due.event for due in outbox.due("file")] == everything[2:]
    assert [due.event for due in outbox.due("other")] == everything
    assert [due.event.type for due in outbox.due("bus", ["GateRefused"])] == ["GateRefused"]
    assert outbox.due("late", since=datetime.now(UTC) + timedelta(hours=1)) == []


def failed_until_dead(ledger: Ledger) -> Event:
    """An event whose second attempt was its last."""
    with ledger.run("train", {}):
        pass
    for retry_in in (NOW, None):
        [due] = ledger.outbox.due("crm")
        ledger.outbox.record("crm", due, "503", retry_in)
    return due.event


def test_a_dead_letter_is_kept_until_it_is_resent(ledger: Ledger) -> None:
    event = failed_until_dead(ledger)
    assert ledger.outbox.due("crm") == []
    [(kept, last)] = ledger.outbox.undelivered()
    assert (kept, last.outcome, last.attempt, last.error) == (event, "dead", 2, "503")
    with pytest.raises(NotFoundError, match="no dead letter of bus"):
        ledger.outbox.resend(sink="bus")
    assert ledger.outbox.resend(event.id, "crm") == 1
    assert [(due.event, due.attempt) for due in ledger.outbox.due("crm")] == [(event, 1)]
    assert ledger.outbox.undelivered() == []


def test_one_delivers_to_a_sink_at_a_time(ledger: Ledger) -> None:
    alone = ledger.outbox.alone
    with alone("file") as mine, alone("file") as twice, alone("bus") as other:
        assert (mine, twice, other) == (True, False, True)
    with alone("file") as mine:
        assert mine


def test_subscriptions_begin_and_end_under_names(ledger: Ledger) -> None:
    outbox = ledger.outbox
    crm = outbox.subscribe("crm", "https://crm.test/", ["Promoted"], "ann")
    desk = outbox.subscribe("desk", "https://desk.test/", [], "ann")
    assert outbox.subscriptions() == [crm, desk]
    with pytest.raises(InputError, match="'crm' exists; unsubscribe it first"):
        outbox.subscribe("crm", "https://other.test/", [], "bob")
    outbox.unsubscribe("crm", "bob")
    assert outbox.subscriptions() == [desk]
    with pytest.raises(NotFoundError, match="no subscription 'crm'; there are: desk"):
        outbox.unsubscribe("crm", "bob")
