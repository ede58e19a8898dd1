"""Starts and answers of the predict Lambda under AWS's runtime emulator, beside a peer's.

Each side is started so many times, as Lambda starts an environment: the emulator reports how long
its initialization takes, and each event after it. The client posts to it over HTTP.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import _measure
from _measure import Limit

from tests.e2e import emulator
from tests.e2e.emulator import Function

FIRST_CUSTOMER = 5_008_804
PEER_TABLE = "proof_of_concept"
HINDCAST, PEER = "hindcast", "proof of concept"

Start = Callable[..., AbstractContextManager[Function]]


@dataclass(frozen=True)
class Life:
    """One environment from its start on, in milliseconds.

    first: from the first request to its answer, the start within it. reported: of the emulator for
    each later event; asked: the same events as the client saw them.
    """

    init: float
    first: float
    first_reported: float
    reported: list[float]
    asked: list[float]


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    options = _options()
    if reason := emulator.missing():
        print(f"nothing is measured: {reason}")
        return 0
    _measure.machine()
    with _measure.home() as home:
        home.prepare(options.customers)
        starts = _starts(home)
        for start in starts.values():  # Compiles what is not compiled yet, as an image is.
            _live(partial(start, compiled=False), options.customers, 1, random.Random(0))
        chances = {name: random.Random(1) for name in starts}
        lives = _measure.alternate(
            {
                name: partial(_live, start, options.customers, options.events, chances[name])
                for name, start in starts.items()
            },
            options.starts,
        )
    print(f"{options.starts} starts of each, {options.events} warm events after each start\n")
    return _print(lives)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--starts", type=int, default=10)
    parser.add_argument("--events", type=int, default=300)
    return parser.parse_args()


def _starts(home: _measure.Home) -> dict[str, Start]:
    """What starts each side, on the same model and Postgres."""
    home.peer_table(PEER_TABLE)
    ours = {
        "HINDCAST_RELEASE_DIR": str(home.release),
        "HINDCAST_DATABASE_URL": home.database_url,
    }
    peer = {
        "PYTHONPATH": str(_measure.PEERS),
        "MODEL": str(home.pickled_model()),
        "DATABASE_URL": home.database_url.replace("postgresql://", "postgresql+psycopg://"),
        "TABLE": PEER_TABLE,
    }
    return {
        HINDCAST: partial(_start, "lambdas.predict.handler.handler", ours),
        PEER: partial(_start, "proof_of_concept_lambda.handler", peer),
    }


def _start(
    handler: str, environment: Mapping[str, str], compiled: bool = True
) -> AbstractContextManager[Function]:
    more = {} if compiled else {"PYTHONDONTWRITEBYTECODE": ""}
    return emulator.function(handler, {**environment, **more}, "predict")


def _live(start: Start, customers: int, events: int, chance: random.Random) -> Life:
    """Start an environment, ask it about random customers, and stop it."""
    with start() as function:
        first, *asked = [
            _ask(function, FIRST_CUSTOMER + chance.randrange(customers)) for _ in range(events + 1)
        ]
        first_reported, *reported = function.invoke_ms
        [init] = function.init_ms
    return Life(init, first, first_reported, reported, asked)


def _ask(function: Function, key: int) -> float:
    """Milliseconds until the client has the answer."""
    event = _event(key)
    started = time.perf_counter()
    answer = function.invoke(event)
    milliseconds = (time.perf_counter() - started) * 1000
    if answer["statusCode"] != 200:
        raise SystemExit(f"customer {key} was answered {answer['statusCode']}: {answer['body']}")
    return milliseconds


def _event(key: int) -> dict[str, object]:
    from hindcast.traffic import proxy_events

    body = json.dumps({"id": str(key)}).encode()
    headers = [("Host", "benchmark"), ("Content-Type", "application/json")]
    return proxy_events.proxy_event("POST", "/predict", headers, body, "127.0.0.1")


def _print(lives: Mapping[str, list[Life]]) -> int:
    starts: list[tuple[str, float, float, float, float]] = [
        (
            name,
            _measure.median([life.init for life in found]),
            max(life.init for life in found),
            _measure.median([life.first_reported for life in found]),
            _measure.median([life.first for life in found]),
        )
        for name, found in lives.items()
    ]
    header = ("milliseconds", "init", "slowest init", "first event", "first answer, init included")
    _measure.table(header, starts)
    print()
    answers: list[tuple[str, float, float, float]] = [
        (name, *_percentiles(times))
        for side, found in lives.items()
        for name, times in (
            (f"{side}, by the emulator", [time for life in found for time in life.reported]),
            (f"{side}, by the client", [time for life in found for time in life.asked]),
        )
    ]
    _measure.table(("milliseconds, warm", "p50", "p95", "p99"), answers)
    ours, peer = starts
    return _measure.verdict(
        [
            Limit("init, hindcast / proof of concept", ours[1] / peer[1], 0.5),
            Limit("first answer, hindcast / proof of concept", ours[4] / peer[4], 0.5),
            Limit("warm p50, hindcast / proof of concept", answers[0][1] / answers[2][1], 1),
        ]
    )


def _percentiles(times: list[float]) -> tuple[float, float, float]:
    p50, p95, p99 = (_measure.percentile(times, percent) for percent in (50, 95, 99))
    return p50, p95, p99


if __name__ == "__main__":
    sys.exit(main())
