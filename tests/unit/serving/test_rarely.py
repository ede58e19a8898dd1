"""A cause is told once a minute; another cause is told beside it."""

from hindcast.serving.rarely import SECONDS, Rarely


def test_a_cause_is_due_once_in_its_time() -> None:
    now = 100.0
    rarely = Rarely(lambda: now)
    assert [rarely.is_due(cause) for cause in ("dns", "token", "dns")] == [True, True, False]
    now += SECONDS - 1
    assert not rarely.is_due("dns")
    now += 1
    assert rarely.is_due("dns")
    assert not rarely.is_due("dns")


def test_causes_that_differ_each_time_do_not_pile_up() -> None:
    rarely = Rarely(lambda: 0.0)
    assert all(rarely.is_due(str(number)) for number in range(5000))
    assert len(rarely._until) <= 1000
