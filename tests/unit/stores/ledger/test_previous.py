"""The release a rollback goes back to, against a stack of releases."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hindcast.stores.ledger import Promotion, previous
from hindcast.stores.ledger.records import Action

START = datetime(2021, 9, 17, tzinfo=UTC)


def history(*steps: str) -> list[Promotion]:
    """Promotions such as "a" and rollbacks such as "<b", oldest first."""
    return [_promotion(number, step) for number, step in enumerate(steps, start=1)]


def _promotion(number: int, step: str) -> Promotion:
    action: Action = "rollback" if step.startswith("<") else "promote"
    moment = START + timedelta(hours=number)
    follows = number - 1 or None
    release = step.removeprefix("<")
    return Promotion(number, "m", release, action, follows, False, None, None, "me", moment)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), None),
        (("a",), None),
        (("a", "b", "c"), "b"),
        (("a", "b", "c", "<b"), "a"),
        (("a", "b", "c", "<b", "<a"), None),
        (("a", "b", "c", "<b", "d"), "b"),
        (("a", "b", "c", "<b", "d", "<b"), "a"),
        (("a", "b", "a"), "b"),
        (("a", "b", "c", "<a"), None),
        (("a", "b", "<a", "<b"), "a"),
    ],
)
def test_a_rollback_goes_back_to(steps: tuple[str, ...], expected: str | None) -> None:
    assert previous(history(*steps)) == expected


def test_promoting_what_is_in_production_adds_no_step_to_go_back() -> None:
    assert previous(history("a", "b", "b")) == "a"
    assert previous(history("a", "a")) is None


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from("abcd"), st.none()), max_size=40), st.randoms())
def test_it_is_a_stack(moves: list[str | None], shuffler: random.Random) -> None:
    """Each move promotes a release, or for None rolls back to wherever `previous` says."""
    promotions: list[Promotion] = []
    stack: list[str] = []
    for move in moves:
        target = previous(promotions)
        assert target == (stack[-2] if len(stack) > 1 else None)
        if move is None and target is not None:
            stack.pop()
        elif move is not None and stack[-1:] != [move]:
            stack.append(move)
        step = f"<{target}" if move is None else move
        if move is not None or target is not None:
            promotions.append(_promotion(len(promotions) + 1, step))
    shuffler.shuffle(promotions)
    assert previous(promotions) == (stack[-2] if len(stack) > 1 else None)


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=20))
def test_rolling_back_as_often_as_possible_ends_at_the_first(releases: list[str]) -> None:
    promotions = history(*releases)
    while (target := previous(promotions)) is not None:
        assert target != promotions[-1].release
        last = promotions[-1]
        number = last.number + 1
        promotions.append(replace(last, number=number, release=target, action="rollback"))
    assert promotions[-1].release == releases[0]
    assert len(promotions) < 2 * len(releases)
