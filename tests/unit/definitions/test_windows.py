"""Windows: how far back a feature sees, where it ends, and how many events it keeps."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from hindcast.definitions import Window, days, hours, latest, minutes, prior
from hindcast.errors import DefinitionError


def number(given: float) -> Any:
    """A number where the types say that none may stand."""
    return given


@pytest.mark.parametrize(
    ("window", "meaning"),
    [
        (prior(), Window("prior")),
        (prior(days=90), Window("prior", timedelta(days=90))),
        (prior(90), Window("prior", timedelta(days=90))),
        (prior(hours=6), Window("prior", timedelta(hours=6))),
        (prior(minutes=30), Window("prior", timedelta(minutes=30))),
        (prior(hours=24), prior(days=1)),
        (prior(last=5), Window("prior", last=5)),
        (prior(days=30, ending=days(30)), Window("prior", timedelta(30), timedelta(30))),
        (prior(ending=hours(2)), Window("prior", ending=timedelta(hours=2))),
        (prior(minutes=5, ending=minutes(0)), prior(minutes=5)),
        (latest(), Window("latest")),
    ],
)
def test_a_window_is_where_it_begins_where_it_ends_and_how_many_it_keeps(
    window: Window, meaning: Window
) -> None:
    assert window == meaning


@pytest.mark.parametrize(
    ("declare", "reason"),
    [
        (lambda: prior(days=0), "prior(): days is 0, not a whole number from 1 to 36500"),
        (
            lambda: prior(hours=number(1.5)),
            "prior(): hours is 1.5, not a whole number from 1 to ",
        ),
        (lambda: prior(minutes=True), "prior(): minutes is True, not a whole number from 1 to "),
        (lambda: prior(last=0), "prior(): last is 0, not a whole number from 1 to 100000"),
        (lambda: prior(days=1, hours=2), "prior() has days and hours; use one of them"),
        (lambda: prior(days=1, last=2), "prior() has days and last; use one of them"),
        (lambda: prior(last=2, ending=days(1)), "prior() has last and ending; use a length with "),
        (
            lambda: prior(days=1, ending=number(30)),
            "prior(): ending is 30, not a length of time ",
        ),
        (lambda: prior(ending=timedelta(-1)), "prior(): ending is -1 day, 0:00:00, not from 0 to "),
        (lambda: days(-1), "days(): count is -1, not a whole number from 0 to 36500"),
        (lambda: hours(number(0.5)), "hours(): count is 0.5, not a whole number from 0 to 876000"),
    ],
)
def test_what_is_no_window_is_refused_in_one_line(declare: Callable[[], Any], reason: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        declare()
    assert str(raised.value).startswith(reason)


@pytest.mark.parametrize(
    ("window", "said"),
    [
        (latest(), "latest()"),
        (prior(), "prior()"),
        (prior(days=90), "prior(days=90)"),
        (prior(hours=36), "prior(hours=36)"),
        (prior(minutes=5), "prior(minutes=5)"),
        (prior(last=5), "prior(last=5)"),
        (prior(days=30, ending=days(30)), "prior(days=30, ending=days(30))"),
        (prior(days=1, ending=hours(6)), "prior(days=1, ending=hours(6))"),
    ],
)
def test_a_window_is_said_as_it_is_written(window: Window, said: str) -> None:
    assert str(window) == said
