"""Runs whose process is gone are ended as interrupted, and those that go on are left alone."""

import os
import time
from dataclasses import replace

import pytest

from hindcast.stores.ledger import LOST, Ledger, OpenRun, heartbeats, processes, runs
from hindcast.stores.ledger.processes import Process

HERE = processes.this_process()
ELSEWHERE = replace(HERE, host="another")


def begin(ledger: Ledger, process: Process, monkeypatch: pytest.MonkeyPatch) -> str:
    """An open run of another process."""
    with monkeypatch.context() as patch, ledger._transaction() as connection:
        patch.setattr(heartbeats, "this_process", lambda: process)
        runs.start(connection, OpenRun("train", "other"))
        heartbeats.beat(connection, "other")
    return "other"


@pytest.mark.parametrize(
    ("process", "silent", "error"),
    [
        (HERE, -1, None),
        (replace(HERE, pid=2**22 + 1), 300, LOST),
        # Its number is another process's by now.
        (replace(HERE, started=1), 300, LOST),
        # Of what is elsewhere, only how long ago it was heard of.
        (replace(ELSEWHERE, pid=2**22 + 1), 300, None),
        (ELSEWHERE, -1, heartbeats.SILENT),
        (replace(HERE, boot="another"), 300, None),
        (replace(HERE, space="another container's"), 300, None),
    ],
)
def test_a_run_is_lost_once_its_process_is_gone_or_silent(
    ledger: Ledger,
    process: Process,
    silent: float,
    error: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = begin(ledger, process, monkeypatch)
    monkeypatch.setattr(heartbeats, "SILENT_SECONDS", silent)
    assert ledger.close_lost() == (error is not None)
    found = ledger.find_run(run)
    assert (found.status, found.error) == ("interrupted" if error else "unfinished", error)
    assert ledger.chain.damage() == []


def test_a_run_that_is_handed_from_process_to_process_is_never_lost(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.open_run("rebuild", {"execution": "e"}, "r1")
    monkeypatch.setattr(heartbeats, "SILENT_SECONDS", -1)
    assert ledger.close_lost() == 0


def test_a_run_that_goes_on_is_heard_of(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeats, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(heartbeats, "this_process", lambda: ELSEWHERE)
    with ledger.run("train", {}, "r1"):
        time.sleep(0.3)
        monkeypatch.setattr(heartbeats, "SILENT_SECONDS", 0.25)
        assert ledger.close_lost() == 0
    assert ledger.find_run("r1").status == "succeeded"


def test_a_process_is_known_by_more_than_its_number() -> None:
    assert HERE.pid == os.getpid()
    assert HERE.is_here
    assert HERE.is_running
    assert Process.of({**HERE.document, "later": 1}) == HERE
    # Of systems that do not say when a process started.
    assert replace(HERE, started=None).is_running
    assert not replace(HERE, started=None, pid=2**22 + 1).is_running
