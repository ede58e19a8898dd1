"""Windows as definitions write them."""

from hindcast.cli.declared import window
from hindcast.definitions import days, hours, latest, prior


def test_a_window_is_said_as_it_is_written() -> None:
    assert window(None) == ""
    assert window(latest()) == "latest()"
    assert window(prior()) == "prior()"
    assert window(prior(days=90)) == "prior(days=90)"
    assert window(prior(hours=36)) == "prior(hours=36)"
    assert window(prior(minutes=5)) == "prior(minutes=5)"
    assert window(prior(last=5)) == "prior(last=5)"
    assert window(prior(days=30, ending=days(30))) == "prior(days=30, ending=days(30))"
    assert window(prior(days=1, ending=hours(6))) == "prior(days=1, ending=hours(6))"
