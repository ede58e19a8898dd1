"""Predict latency: warm, in process, Postgres on the same machine, random ids.

The floor is a prepared SELECT of the same columns and one call of ONNX Runtime. Beside it are
the predictor (read and predict), the whole Lambda handler, and peers in processes of their own:
the proof of concept's way and, with --feast, Feast from a virtual environment made for it.
"""

import argparse
import contextlib
import json
import os
import random
import runpy
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import _measure
import numpy as np
import psycopg
from _measure import Limit
from psycopg.types.numeric import Int8

if TYPE_CHECKING:
    from hindcast.models.tasks.binary.calibration import Calibration

FIRST_CUSTOMER = 5_008_804
CHUNK = 250
# Peers take milliseconds, so they are asked a tenth of the ids.
PEER_SHARE = 10
LARGEST_DIFFERENCE = 1e-5
PEER_TABLE = "proof_of_concept"

Answers = tuple[list[float], list[float]]  # Milliseconds and probabilities, an item for each id.
Side = Callable[[Sequence[int]], Answers]
Invocation = tuple[dict[str, Any], Any]  # Event and context.
Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
T = TypeVar("T")
R = TypeVar("R")


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    options = _options()
    _measure.machine()
    with _measure.home() as home, contextlib.ExitStack() as stack:
        home.prepare(options.customers)
        log = stack.enter_context((home.folder / "predict.log").open("w"))
        sides = _hindcast(home, log, options.pause / 1000)
        peers = _peers(home, options.feast, stack)
        ids = range(FIRST_CUSTOMER, FIRST_CUSTOMER + options.customers)
        _check(sides | peers, random.Random(1).choices(ids, k=PEER_SHARE * 20))
        rounds = [
            _round(sides, peers, ids, options.ids, random.Random(seed))
            for seed in range(options.rounds)
        ]
        _flush_metrics(log)
        log_bytes = log.tell()
    print(
        f"{options.rounds} rounds of {options.ids:,} ids; the handler logged {log_bytes:,} bytes\n"
    )
    return _print(rounds)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=5000)
    parser.add_argument("--ids", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pause", type=float, default=0, help="milliseconds between requests")
    parser.add_argument(
        "--feast", action="store_true", help="install Feast from the package index and measure it"
    )
    return parser.parse_args()


def _hindcast(home: _measure.Home, log: TextIO, pause: float) -> dict[str, Side]:
    """The floor and Hindcast's sides; what the handler writes to standard output goes to log."""
    os.environ["HINDCAST_RELEASE_DIR"] = str(home.release)
    os.environ["HINDCAST_DATABASE_URL"] = home.database_url
    with contextlib.redirect_stdout(log):
        handler = runpy.run_path(str(_measure.ROOT / "lambdas/predict/handler.py"))["handler"]
    from hindcast import settings
    from hindcast.serving.predictor import open_predictor
    from hindcast.serving.requests import Question

    predictor = open_predictor(settings.load())

    def predict(key: int) -> float:
        made = predictor.predict(Question((key,)), datetime.now(UTC))
        return float(made.score.document["probability"])

    return {
        "floor: SELECT + ONNX Runtime": _floor(home, pause),
        "read + predict": lambda ids: _timed(ids, predict, pause),
        "Lambda handler": _through(handler, log, pause),
    }


def _timed(ids: Iterable[T], call: Callable[[T], R], pause: float) -> tuple[list[float], list[R]]:
    """Milliseconds and result of each call; `pause` is seconds to sleep after each."""
    milliseconds, results = [], []
    for item in ids:
        started = time.perf_counter()
        result = call(item)
        milliseconds.append((time.perf_counter() - started) * 1000)
        results.append(result)
        if pause:
            time.sleep(pause)
    return milliseconds, results


def _floor(home: _measure.Home, pause: float) -> Side:
    """Nothing but the driver and the run time, on the release's SQL and model."""
    import onnxruntime

    plan = json.loads((home.release / "serving_plan.json").read_bytes())
    query, count = plan["sql"], len(plan["features"])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(home.release / "model.onnx"), options, providers=["CPUExecutionProvider"]
    )
    cursor = psycopg.connect(home.database_url, autocommit=True).cursor(binary=True)

    def predict(key: int) -> float:
        parameters = {"key_0": Int8(key), "as_of": datetime.now(UTC)}
        row = cursor.execute(query, parameters, prepare=True).fetchone()
        assert row is not None
        feed = {"numeric": np.array([row[:count]], np.float32)}
        return float(session.run(["probabilities"], feed)[0][0, 1])

    return lambda ids: _timed(ids, predict, pause)


def _through(handler: Handler, log: TextIO, pause: float) -> Side:
    """API Gateway's event in, its answer out; the event and the context are not timed."""
    from hindcast.traffic import proxy_events

    def invocation(key: int) -> Invocation:
        body = json.dumps({"id": str(key)}).encode()
        headers = [("Host", "benchmark"), ("Content-Type", "application/json")]
        event = proxy_events.proxy_event("POST", "/predict", headers, body, "127.0.0.1")
        return event, proxy_events.Context()

    def answers(ids: Sequence[int]) -> Answers:
        invocations = [invocation(key) for key in ids]
        with contextlib.redirect_stdout(log):
            times, results = _timed(invocations, lambda given: handler(*given), pause)
        return times, [json.loads(result["body"])["probability"] for result in results]

    return answers


def _flush_metrics(log: TextIO) -> None:
    """Write what the handler has counted and not written yet."""
    from hindcast.serving.handler import meter

    with contextlib.redirect_stdout(log):
        meter.write()


def _peers(home: _measure.Home, feast: bool, stack: contextlib.ExitStack) -> dict[str, Side]:
    """Sides in other processes, all on scikit-learn and the same model, unpickled."""
    from hindcast.models.tasks.binary.calibration import Calibration

    home.peer_table(PEER_TABLE)
    pickled, url = home.pickled_model(), home.database_url
    model, calibration = str(pickled), json.loads(pickled.with_suffix(".json").read_bytes())

    def start(command: list[str]) -> Side:
        return stack.enter_context(_child(command, Calibration(**calibration)))

    command = [sys.executable, str(_measure.PEERS / "proof_of_concept.py"), url, PEER_TABLE, model]
    sides = {"proof of concept": start(command)}
    python = _feast_python(home) if feast else None
    if python is None:
        print("Feast is left out" + ("\n" if feast else ": --feast installs and measures it\n"))
        return sides
    script, folder = str(_measure.PEERS / "feast_online.py"), str(home.folder / "feast")
    sides["Feast + scikit-learn"] = start([python, script, url, PEER_TABLE, model, folder])
    return sides


def _feast_python(home: _measure.Home) -> str | None:
    """A Python with Feast and the libraries that the model was pickled with; None if it fails."""
    folder = home.folder / "feast-venv"
    python = str(folder / "bin" / "python")
    pinned = [f"{name}=={version(name)}" for name in ("scikit-learn", "joblib", "numpy")]
    install = [python, "-m", "pip", "install", "--quiet", "feast[postgres]", *pinned]
    try:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run(install, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or str(error)).strip().splitlines()[-1]
        print(f"Feast cannot be installed: {reason}")
        return None
    return python


@contextlib.contextmanager
def _child(command: list[str], calibration: "Calibration") -> Iterator[Side]:
    """A peer in a process of its own, which times itself; calibrating is not in its time."""
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdin is not None
    assert process.stdout is not None
    questions, replies = process.stdin, process.stdout

    def answers(ids: Sequence[int]) -> Answers:
        questions.write(json.dumps(ids[::PEER_SHARE]) + "\n")
        reply = json.loads(replies.readline())
        calibrated = calibration.apply(np.array(reply["probabilities"]))
        return reply["milliseconds"], calibrated.tolist()

    try:
        yield answers
    finally:
        questions.close()
        process.wait(timeout=30)


def _check(sides: dict[str, Side], ids: Sequence[int]) -> None:
    """Warm every side up, and make sure that all give the same probabilities."""
    expected = next(iter(sides.values()))(ids)[1]
    for name, side in sides.items():
        got = side(ids)[1]
        wanted = expected if len(got) == len(expected) else expected[::PEER_SHARE]
        difference = max(abs(a - b) for a, b in zip(got, wanted, strict=True))
        if difference > LARGEST_DIFFERENCE:
            raise SystemExit(f"{name}: probabilities differ from the floor's by {difference:.3g}")


def _round(
    sides: dict[str, Side],
    peers: dict[str, Side],
    customers: Sequence[int],
    count: int,
    chance: random.Random,
) -> dict[str, tuple[float, float, float]]:
    """p50, p95 and p99 of each side in milliseconds, over so many random customers.

    The sides of this process take turns at every id, in a random order, so that no one of them has
    the caches and the scheduler to itself, as a loop of nothing else would; peers take chunks.
    """
    ids = chance.choices(customers, k=count)
    found: dict[str, list[float]] = {name: [] for name in sides | peers}
    for start in range(0, count, CHUNK):
        chunk = ids[start : start + CHUNK]
        for key in chunk:
            for name in chance.sample(list(sides), len(sides)):
                found[name] += sides[name]([key])[0]
        for name, peer in peers.items():
            found[name] += peer(chunk)[0]
    return {
        name: (
            _measure.percentile(values, 50),
            _measure.percentile(values, 95),
            _measure.percentile(values, 99),
        )
        for name, values in found.items()
    }


def _print(rounds: list[dict[str, tuple[float, float, float]]]) -> int:
    """Medians over the rounds; ratios are taken within a round."""
    floor, predictor, handler = list(rounds[0])[:3]

    def ratio(name: str, place: int) -> float:
        return _measure.median([each[name][place] / each[floor][place] for each in rounds])

    rows: list[tuple[str | float, ...]] = []
    for name in rounds[0]:
        times = [_measure.median([each[name][place] for each in rounds]) for place in range(3)]
        rows.append((name, *times, ratio(name, 0), ratio(name, 2)))
    header = ("milliseconds", "p50", "p95", "p99", "p50 / floor", "p99 / floor")
    _measure.table(header, rows)
    return _measure.verdict(
        [
            Limit(f"{name}, {word} / floor", ratio(name, place), limit)
            for name, limit in ((predictor, 1.3), (handler, 3.0))
            for word, place in (("p50", 0), ("p99", 2))
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
