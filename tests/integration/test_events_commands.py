"""Events from the shell: what happened, what did not arrive, and what a command hands over."""

from dataclasses import replace
from pathlib import Path

import pytest

from hindcast import project
from hindcast.operations.events import relay
from hindcast.settings import Settings
from hindcast.stores.ledger import Ledger
from tests.integration.lifecycle import Shell
from tests.integration.test_events import written
from tests.integration.test_outbox import live


def test_commands_show_what_happened_and_what_did_not_arrive(
    ledger: Ledger,
    here: Settings,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(relay, "DELAYS", ())
    folder = project.examples() / "line"
    shell = Shell(monkeypatch, capsys, replace(here, database_url=database_url, project=folder))
    made = shell.json("events", "subscribe", "crm", "http://127.0.0.1:1/", "--type", "Promoted")
    assert made["secret"].startswith("whsec_")
    assert shell.run("events", "subscriptions")[1].splitlines()[1].split()[:2] == [
        "crm",
        "Promoted",
    ]
    live(ledger)
    passed = shell.json("events", "deliver")
    assert passed["delivered"] == {"file": 7}
    assert passed["dead"] == {"webhook:crm": 2}
    assert [each["type"] for each in shell.json("events", "list", "--type", "RolledBack")] == [
        "RolledBack"
    ]
    assert "GateRefused" in shell.run("events", "list")[1]
    letters = shell.json("events", "dead")
    assert {each["why"] for each in letters} == {
        "http://127.0.0.1:1/: [Errno 111] Connection refused"
    }
    assert shell.json("events", "resend", letters[0]["event"]) == {"resent": 1}
    assert shell.json("events", "unsubscribe", "crm")["name"] == "crm"
    code, _, err = shell.run("events", "list", "--type", "Promote")
    assert (code, err.startswith("hindcast: no event is 'Promote'; the types are Run")) == (2, True)


def test_a_command_hands_over_its_events_when_it_ends_well_or_not(
    here: Settings,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = project.examples() / "line"
    shell = Shell(monkeypatch, capsys, replace(here, database_url=database_url, project=folder))
    points = tmp_path / "points.csv"
    points.write_text("sample,measured_at,x,y\n1,2026-01-01,0,3\n")
    assert shell.run("ingest", str(points))[0] == 0
    points.write_text("nothing\n1\n")
    assert shell.run("ingest", str(points))[0] == 2
    assert [event["type"] for event in written(tmp_path)] == ["RunFinished", "RunFailed"]
