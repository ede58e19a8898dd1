"""Twenty writers at once, each with a ledger of its own: nothing is lost, and one wins."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise
from threading import Barrier
from typing import TypeVar

import pytest

from hindcast.errors import ConflictError, StoreUnavailableError
from hindcast.stores.database import connect
from hindcast.stores.ledger import Ledger, Promotion, transactions

WRITERS = 20
Answer = TypeVar("Answer")


def at_once(url: str, work: Callable[[Ledger, int], Answer]) -> list[Answer]:
    """What each writer's work answers; all of them begin when the last is ready."""
    barrier = Barrier(WRITERS, timeout=60)

    def one(number: int) -> Answer:
        ledger = Ledger(url)
        ledger.champion("risk")
        barrier.wait()
        return work(ledger, number)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(one, range(WRITERS)))


@pytest.fixture
def url(database_url: str) -> str:
    """URL of a ledger with a release for each writer."""
    ledger = Ledger(database_url)
    for number in range(WRITERS):
        ledger.add_release("risk", f"r{number}", {}, {}, "/r", None)
    return database_url


def promote(ledger: Ledger, number: int, follows: int | None) -> Promotion:
    by = f"writer {number}"
    return ledger.promote("risk", f"r{number}", follows, "promote", False, None, None, by)


def in_production(ledger: Ledger) -> int | None:
    champion = ledger.champion("risk")
    return None if champion is None else champion.number


def check_chain(ledger: Ledger, length: int) -> None:
    """Each promotion follows the one before it, and was made later."""
    chain = ledger.promotions("risk")[::-1]
    assert len(chain) == length
    assert chain[0].follows is None
    for earlier, later in pairwise(chain):
        assert later.follows == earlier.number
        assert later.number > earlier.number
        assert later.promoted_at > earlier.promoted_at


def test_every_run_is_recorded_from_start_to_end(database_url: str) -> None:
    def work(ledger: Ledger, number: int) -> list[str]:
        ids = [f"{number}-{turn}" for turn in range(3)]
        for run_id in ids:
            with ledger.run("train", {"writer": number}, run_id) as run:
                run.outputs["made"] = run_id
        return ids

    ids = {run_id for ids in at_once(database_url, work) for run_id in ids}
    found = Ledger(database_url).runs(limit=None)
    assert {run.id: run.outputs["made"] for run in found} == {run_id: run_id for run_id in ids}
    assert len(found) == WRITERS * 3
    assert {run.status for run in found} == {"succeeded"}


def test_versions_have_neither_gaps_nor_doubles(database_url: str) -> None:
    def work(ledger: Ledger, number: int) -> dict[str, int]:
        names = [f"r{number}-{turn}" for turn in range(3)]
        return {n: ledger.add_release("risk", n, {}, {}, "/r", None).version for n in names}

    told: dict[str, int] = {}
    for answer in at_once(database_url, work):
        told |= answer
    assert sorted(told.values()) == list(range(1, WRITERS * 3 + 1))
    recorded = {found.release: found.version for found in Ledger(database_url).releases("risk")}
    assert recorded == told


def test_one_release_added_by_all_is_one_release(database_url: str) -> None:
    found = at_once(database_url, lambda ledger, number: add_same(ledger, number))
    assert {version for version, _ in found} == {1}
    assert len({location for _, location in found}) == 1
    assert len(Ledger(database_url).releases()) == 1


def add_same(ledger: Ledger, number: int) -> tuple[int, str]:
    added = ledger.add_release("risk", "same", {}, {}, f"/from/{number}", None)
    return added.version, added.location


def test_in_each_round_one_promotion_wins_and_the_others_are_told_who(url: str) -> None:
    ledger = Ledger(url)
    for length in range(1, 5):
        seen = in_production(ledger)

        def work(own: Ledger, number: int, seen: int | None = seen) -> Promotion | str:
            try:
                return promote(own, number, seen)
            except ConflictError as error:
                return str(error)

        answers = at_once(url, work)
        [winner] = [answer for answer in answers if isinstance(answer, Promotion)]
        assert ledger.champion("risk") == winner
        told = {answer for answer in answers if isinstance(answer, str)}
        assert len(told) == 1
        assert f"{winner.by} promoted release '{winner.release}'" in told.pop()
        check_chain(ledger, length)


def test_who_looks_and_tries_again_gets_in_and_nothing_is_lost(url: str) -> None:
    def work(ledger: Ledger, number: int) -> Promotion:
        # Every conflict means that another writer got in, so that this many tries are enough.
        for _ in range(WRITERS):
            seen = in_production(ledger)
            try:
                return promote(ledger, number, seen)
            except ConflictError:
                continue
        raise AssertionError(f"writer {number} never got in")

    made = at_once(url, work)
    ledger = Ledger(url)
    check_chain(ledger, WRITERS)
    assert sorted(made, key=lambda one: -one.number) == ledger.promotions("risk")


def test_the_constraint_alone_lets_only_one_win(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that takes no lock cannot break the chain either."""
    monkeypatch.setattr("hindcast.stores.ledger.promotions.lock", lambda connection, name: None)

    def work(ledger: Ledger, number: int) -> bool:
        try:
            promote(ledger, number, None)
        except ConflictError:
            return False
        return True

    assert sum(at_once(url, work)) == 1
    check_chain(Ledger(url), 1)


def test_models_do_not_wait_for_one_another_but_not_forever_for_their_own(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "LOCK_WAIT", "100ms")
    ledger = Ledger(url)
    ledger.add_release("churn", "x", {}, {}, "/r/x", None)
    with connect(url) as holder:
        key = "hashtextextended('hindcast ledger promotions of risk', 0)"
        holder.execute(f"SELECT pg_advisory_xact_lock({key})")
        ledger.promote("churn", "x", None, "promote", False, None, None, "alice")
        with pytest.raises(StoreUnavailableError, match="held the ledger longer than 100ms"):
            promote(ledger, 0, None)
    assert promote(ledger, 0, None).release == "r0"


def test_of_two_starts_within_the_cool_down_of_a_model_one_wins(url: str) -> None:
    cool_down = timedelta(days=7)

    def start(ledger: Ledger, number: int) -> str:
        model = {"model": ("risk", "delay")[number % 2]}
        try:
            with ledger.run("rebuild", model, f"run {number}", apart=cool_down):
                return "started"
        except ConflictError as error:
            return str(error)

    answers = at_once(url, start)
    runs = Ledger(url).runs("rebuild")
    assert answers.count("started") == 2
    assert {run.parameters["model"] for run in runs} == {"risk", "delay"}
    assert all("may not start within 7 days" in each for each in answers if each != "started")


def test_a_start_that_could_not_be_handed_over_does_not_count_for_the_cool_down(url: str) -> None:
    ledger, given = Ledger(url), ({"model": "risk"}, "run", timedelta(days=7))

    def refused() -> None:
        raise StoreUnavailableError("no answer")

    with pytest.raises(StoreUnavailableError):
        ledger.begin_apart("rebuild", *given, refused)
    ledger.begin_apart("rebuild", *given, lambda: None)
    assert [run.status for run in ledger.runs("rebuild")] == ["unfinished"]
    with pytest.raises(ConflictError, match="run started at"):
        ledger.begin_apart("rebuild", {"model": "risk"}, "other", timedelta(days=7), lambda: None)
    ledger.begin_apart("rebuild", {"model": "risk"}, "other", timedelta(0), lambda: None)
