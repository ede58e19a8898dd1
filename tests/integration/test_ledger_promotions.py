"""Promotions in the ledger: one chain per model, and what was in production at any instant."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import event

from hindcast.errors import ConflictError, InputError, NotFoundError
from hindcast.stores.database import connect
from hindcast.stores.ledger import Ledger, Promotion, previous
from hindcast.stores.ledger.records import Action

TICK = timedelta(microseconds=1)


@pytest.fixture
def ledger(database_url: str) -> Iterator[Ledger]:
    opened = Ledger(database_url)
    for release in "abc":
        opened.add_release("risk", release, {}, {}, f"/r/{release}", None)
    opened.add_release("churn", "x", {}, {}, "/r/x", None)
    yield opened
    opened.close()


def promote(
    ledger: Ledger,
    release: str,
    follows: int | None,
    action: Action = "promote",
    model: str = "risk",
    by: str = "alice",
) -> Promotion:
    return ledger.promote(model, release, follows, action, False, None, None, by)


def follow(ledger: Ledger, release: str, action: Action = "promote") -> Promotion:
    """Promote after whatever is in production."""
    champion = ledger.champion("risk")
    return promote(ledger, release, None if champion is None else champion.number, action)


def test_a_promotion_keeps_all_that_was_said(ledger: Ledger) -> None:
    now = datetime.now(UTC)
    verdict = ledger.add_evaluation("risk", "a", None, False, {}, now, now, None)
    made = ledger.promote("risk", "a", None, "promote", True, "hotfix", verdict.number, "bob")
    assert made == ledger.champion("risk")
    assert (made.model, made.release, made.action, made.follows) == ("risk", "a", "promote", None)
    assert (made.forced, made.reason, made.evaluation, made.by) == (
        True,
        "hotfix",
        verdict.number,
        "bob",
    )
    assert abs(made.promoted_at - now) < timedelta(minutes=1)


def test_promotions_follow_one_another_and_are_listed_newest_first(ledger: Ledger) -> None:
    assert ledger.champion("risk") is None
    first = promote(ledger, "a", None)
    second = promote(ledger, "b", first.number)
    other = promote(ledger, "x", None, model="churn")
    back = promote(ledger, "a", second.number, "rollback")
    assert ledger.champion("risk") == back
    assert ledger.champion("churn") == other
    assert ledger.promotions("risk") == [back, second, first]
    assert ledger.promotions() == [back, other, second, first]
    assert previous(ledger.promotions("risk")) is None


@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_who_comes_second_is_told_who_was_first(ledger: Ledger, action: Action) -> None:
    first = promote(ledger, "a", None)
    promote(ledger, "b", first.number, action, by="bob")
    done = {"promote": "promoted", "rollback": "rolled back to"}[action]
    with pytest.raises(ConflictError, match=f"bob {done} release 'b' of model 'risk' meanwhile"):
        promote(ledger, "c", first.number)
    assert [promotion.release for promotion in ledger.promotions()] == ["b", "a"]


def test_who_saw_nothing_in_production_where_something_is_comes_second(ledger: Ledger) -> None:
    promote(ledger, "a", None)
    with pytest.raises(ConflictError, match="alice promoted release 'a'"):
        promote(ledger, "b", None)
    with pytest.raises(ConflictError):
        promote(ledger, "a", None)


def test_a_promotion_follows_one_of_the_same_model_only(ledger: Ledger) -> None:
    mine = promote(ledger, "a", None)
    other = promote(ledger, "x", None, model="churn")
    with pytest.raises(InputError):
        promote(ledger, "b", other.number)
    with pytest.raises(InputError):
        promote(ledger, "b", 10**6)
    assert ledger.promotions("risk") == [mine]


def test_only_a_release_of_the_model_is_promoted_by_its_id_or_version(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match=r"no release 'x'; it has 3 \(c\), 2 \(b\), 1 \(a\)"):
        promote(ledger, "x", None)
    assert promote(ledger, "2", None).release == "b"


def test_an_evaluation_of_another_release_speaks_for_none(ledger: Ledger) -> None:
    now = datetime.now(UTC)
    other = ledger.add_evaluation("risk", "b", None, True, {}, now, now, None).number
    with pytest.raises(InputError, match="evaluations"):
        ledger.promote("risk", "a", None, "promote", False, None, other, "alice")


def test_what_was_in_production_at_an_instant_is_exact_to_the_microsecond(ledger: Ledger) -> None:
    made = [follow(ledger, release) for release in "abc"]
    made.append(follow(ledger, "b", "rollback"))
    assert ledger.champion("risk", made[0].promoted_at - TICK) is None
    for earlier, later in pairwise(made):
        assert ledger.champion("risk", earlier.promoted_at) == earlier
        assert ledger.champion("risk", later.promoted_at - TICK) == earlier
    assert ledger.champion("risk", datetime.max.replace(tzinfo=UTC)) == made[-1]
    assert ledger.champion("churn", made[-1].promoted_at) is None


def test_an_instant_in_another_time_zone_is_the_same_instant(ledger: Ledger) -> None:
    made = promote(ledger, "a", None)
    there = made.promoted_at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert ledger.champion("risk", there) == made
    assert ledger.champion("risk", there - TICK) is None
    with pytest.raises(InputError, match="needs a time zone"):
        ledger.champion("risk", there.replace(tzinfo=None))


@pytest.mark.parametrize("at", [None, datetime.now(UTC)])
def test_in_production_at_an_instant_is_one_query(ledger: Ledger, at: datetime | None) -> None:
    statements: list[str] = []
    event.listen(
        ledger._engine, "before_cursor_execute", lambda *given: statements.append(given[2])
    )
    ledger.champion("risk", at)
    assert len(statements) == 1
    assert statements[0].startswith("SELECT")


def test_the_instant_is_the_databases_whatever_a_writer_says(
    ledger: Ledger, database_url: str
) -> None:
    first = promote(ledger, "a", None)
    with connect(database_url) as connection:
        connection.execute(
            "INSERT INTO ledger.promotions "
            "(model, release, action, follows, forced, by, promoted_at) "
            "VALUES ('risk', 'b', 'promote', %s, false, 'mallory', '1990-01-01Z')",
            [first.number],
        )
    assert ledger.champion("risk", first.promoted_at) == first
    forged = ledger.champion("risk")
    assert forged is not None
    assert forged.promoted_at > first.promoted_at


def test_a_clock_that_was_set_back_does_not_reorder_promotions(
    ledger: Ledger, database_url: str
) -> None:
    with connect(database_url) as connection:
        # As if the clock had been a day ahead; only a superuser can put the stamp aside.
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO ledger.promotions (model, release, action, forced, by, promoted_at) "
            "VALUES ('risk', 'a', 'promote', false, 'alice', now() + interval '1 day')"
        )
    ahead = ledger.champion("risk")
    later = follow(ledger, "b")
    assert ahead is not None
    assert later.promoted_at == ahead.promoted_at + TICK
    assert ledger.champion("risk") == later
