"""What a canary answered, read from the access log as it grows, and the alarms about it."""

import json
from pathlib import Path

import pytest

from hindcast.errors import HindcastError, InputError
from hindcast.traffic.roll_out import Plan
from hindcast.traffic.watch import Alarms, Traffic, Watch
from infra.choices import Canary, Thresholds

ALARMS = Alarms(error_percent=1.0, latency_p99_ms=500.0, requests=100)


def line(release: str = "m-2", status: int = 200, latency: float = 1.0) -> str:
    return json.dumps({"release": release, "status": status, "latency": latency}) + "\n"


def add(log: Path, *lines: str) -> None:
    with log.open("a") as stream:
        stream.writelines(lines)


def test_the_limits_are_those_of_the_stack() -> None:
    stack, canary = Thresholds(), Canary()
    assert (Alarms().error_percent, Alarms().latency_p99_ms) == (
        stack.error_percent,
        stack.latency_p99_ms,
    )
    assert Alarms().requests == canary.requests
    assert Plan() == Plan(canary.steps, canary.looks, canary.look_seconds)


@pytest.mark.parametrize(
    ("requests", "errors", "p99", "rings"),
    [
        (100, 0, 1.0, None),
        (100, 1, 1.0, None),
        (100, 2, 1.0, "error rate: 2 of 100 requests failed, more than 1%"),
        (199, 1, 1.0, None),
        (1000, 11, 1.0, "error rate: 11 of 1000 requests failed, more than 1%"),
        (2, 2, 1.0, "error rate: 2 of 2 requests failed, more than 1%"),
        (1, 1, 1.0, None),
        (100, 0, 500.0, None),
        (100, 0, 501.0, "latency: p99 is 501 ms, more than 500 ms"),
        (99, 0, 9000.0, None),
        (0, 0, None, None),
    ],
)
def test_an_alarm_rings_above_its_limit(
    requests: int, errors: int, p99: float | None, rings: str | None
) -> None:
    assert ALARMS.ringing(Traffic(requests, errors, p99)) == rings


def test_a_canary_that_nobody_asked_cannot_be_judged() -> None:
    assert ALARMS.too_few(Traffic(99, 0, 1.0)) == (
        "traffic: 99 requests, fewer than the 100 to judge by"
    )
    assert ALARMS.too_few(Traffic(100, 0, 1.0)) is None


def test_a_watch_counts_its_release_from_now_on(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    add(log, line(status=500))
    watch = Watch(log, "m-2")
    assert watch.look() == Traffic(0, 0, None)
    add(log, line(), line("m-1", status=500), line(status=503), line(status=404))
    assert watch.look() == Traffic(3, 1, 1.0)
    add(log, line(latency=7.5))
    assert watch.look() == watch.look() == Traffic(4, 1, 7.5)


def test_the_99th_percentile_is_the_smallest_that_99_of_100_reach(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    watch = Watch(log, "m-2")
    add(log, *(line(latency=each) for each in range(200, 0, -1)))
    assert watch.look().latency_p99_ms == 198.0


def test_a_log_that_is_not_there_yet_is_no_traffic(tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    watch = Watch(log, "m-2")
    assert watch.look() == Traffic(0, 0, None)
    add(log, line())
    assert watch.look().requests == 1


def test_a_line_half_written_waits_for_its_end(tmp_path: Path) -> None:
    log, whole = tmp_path / "access.log", line()
    watch = Watch(log, "m-2")
    add(log, line(), whole[:20])
    assert watch.look().requests == 1
    add(log, whole[20:])
    assert watch.look().requests == 2


@pytest.mark.parametrize("broken", ["{\n", "[]\n", "{}\n", line().replace("200", '"many"')])
def test_a_watch_that_cannot_see_says_so(tmp_path: Path, broken: str) -> None:
    log = tmp_path / "access.log"
    watch = Watch(log, "m-2")
    add(log, line(), broken)
    with pytest.raises(HindcastError, match="a line is not the access log's"):
        watch.look()


@pytest.mark.parametrize("steps", [(), (0, 5), (5, 5), (25, 5), (5, 100)])
def test_steps_that_do_not_grow_are_refused(steps: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="must grow, between 0 and 100 percent"):
        Plan(steps)
