"""Runs that are opened by one process and closed by another, against a real Postgres."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hindcast.errors import ConflictError, NotFoundError
from hindcast.stores.ledger import Ledger


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    opened = Ledger(database_url)
    yield opened
    opened.close()


def test_a_run_is_closed_by_another_process_than_opened_it(
    ledger: Ledger, database_url: str
) -> None:
    opened = ledger.open_run("rebuild", {"model": "risk"}, "r1")
    assert (opened.id, opened.status, opened.parameters) == ("r1", "unfinished", {"model": "risk"})
    closed = Ledger(database_url).close_run("r1", {"outcome": "promoted"})
    assert (closed.status, closed.error) == ("succeeded", None)
    assert closed.outputs == {"outcome": "promoted"}
    assert closed.seconds is not None
    assert 0 < closed.seconds < 60
    assert ledger.find_run("r1") == closed


def test_the_same_id_again_joins_and_another_meets_the_one_in_its_way(ledger: Ledger) -> None:
    first = ledger.open_run("rebuild", {}, "r1")
    assert ledger.open_run("rebuild", {"other": 1}, "r1") == first
    assert ledger.open_run("rebuild", {}, "r2") == first
    assert [run.id for run in ledger.runs("rebuild")] == ["r1"]
    assert ledger.open_run("batch", {}, "r3").id == "r3"
    ledger.close_run("r1", {})
    assert ledger.open_run("rebuild", {}, "r2").id == "r2"


def test_runs_that_hold_nothing_in_common_are_open_at_the_same_time(ledger: Ledger) -> None:
    held = ("model", "stage")
    first = ledger.open_run("rebuild", {"model": "a", "stage": "1"}, "r1", held)
    assert ledger.open_run("rebuild", {"model": "b", "stage": "2"}, "r2", held).id == "r2"
    assert ledger.open_run("rebuild", {"model": "a", "stage": "3"}, "r3", held) == first
    assert ledger.open_run("rebuild", {"model": "c", "stage": "1"}, "r3", held) == first
    ledger.close_run("r1", {})
    assert ledger.open_run("rebuild", {"model": "a", "stage": "1"}, "r3", held).id == "r3"


def test_of_many_at_once_one_is_opened(ledger: Ledger) -> None:
    ledger.migrate()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: ledger.open_run("rebuild", {}, f"r{n}").id, range(8)))
    assert len(set(found)) == len(ledger.runs("rebuild")) == 1


def test_the_first_end_counts(ledger: Ledger) -> None:
    ledger.open_run("rebuild", {}, "r1")
    first = ledger.close_run("r1", {"a": 1}, "an alarm\0")
    assert (first.status, first.error) == ("failed", "an alarm\\x00")
    assert ledger.close_run("r1", {"a": 2}) == first


def test_a_run_that_has_ended_is_not_opened_again(ledger: Ledger) -> None:
    ledger.open_run("rebuild", {}, "r1")
    ledger.close_run("r1", {}, "killed")
    with pytest.raises(ConflictError, match="run 'r1' has failed already"):
        ledger.open_run("rebuild", {}, "r1")


def test_a_run_that_never_was_cannot_be_closed(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="no run 'r9'"):
        ledger.close_run("r9", {})
