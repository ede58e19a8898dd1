"""The HTTP server of `hindcast serve` beside others: latency of one caller, requests a second of 8.

Every side answers a prediction's bytes from the same handler in a process of its own; callers keep
their connections. A side that is not installed is left out.
"""

import argparse
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import _measure
from _measure import Limit

NAMES = ("hindcast", "standard_library", "waitress", "cheroot", "hypercorn", "granian")
CALLERS = 8
BODY = b'{"id": 5008827}'
REQUEST = (
    b"POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
)
# Of the standard library's, which parses as little and starts a thread per connection.
SLOWEST = 1.5


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=2000)
    options = parser.parse_args()
    _measure.machine()
    with ExitStack() as opened:
        found = {name: opened.enter_context(_served(name)) for name in NAMES}
        ports = {name: port for name, port in found.items() if port}
        sides = {name: lambda p=port: _round(p, options.requests) for name, port in ports.items()}
        rounds = _measure.alternate(sides, options.rounds)
    medians = {
        name: [_measure.median([each[place] for each in several]) for place in range(4)]
        for name, several in rounds.items()
    }
    header = ("", "p50 ms", "p99 ms", "requests/s of 8", "p99 ms of 8")
    _measure.table(header, [(name, *values) for name, values in medians.items()])
    return _measure.verdict(_limits(rounds))


def _limits(rounds: Mapping[str, Sequence[Sequence[float]]]) -> list[Limit]:
    """Ratios to the standard library's, within a round."""
    pairs = list(zip(rounds["hindcast"], rounds["standard_library"], strict=True))
    words = ("p50", "p99", "requests a second of 8", "p99 of 8")
    ratios = [_measure.median([ours[n] / theirs[n] for ours, theirs in pairs]) for n in range(4)]
    return [
        Limit(f"{word}, over the standard library's", ratio, 1 / SLOWEST, at_least=True)
        if word.startswith("requests")
        else Limit(f"{word}, over the standard library's", ratio, SLOWEST)
        for word, ratio in zip(words, ratios, strict=True)
    ]


@contextmanager
def _served(name: str) -> Iterator[int | None]:
    """The port of a side in a process of its own; None where it is not installed."""
    script = str(_measure.PEERS / "http_servers.py")
    with subprocess.Popen([sys.executable, script, name], stdout=subprocess.PIPE, text=True) as one:
        assert one.stdout is not None
        said = one.stdout.readline().strip()
        try:
            yield urlsplit(said).port if said.startswith("http") else None
        finally:
            one.kill()


def _round(port: int, count: int) -> tuple[float, float, float, float]:
    """p50 and p99 of one caller in milliseconds; requests a second and p99 of all callers."""
    _call(port, count // 10)
    alone = _call(port, count)
    times: list[list[float]] = [[] for _ in range(CALLERS)]

    def caller(place: int) -> None:
        times[place] = _call(port, count // CALLERS)

    threads = [threading.Thread(target=caller, args=(place,)) for place in range(CALLERS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    together = [each for several in times for each in several]
    return (
        _measure.percentile(alone, 50),
        _measure.percentile(alone, 99),
        len(together) / took,
        _measure.percentile(together, 99),
    )


def _call(port: int, count: int) -> list[float]:
    """The milliseconds of so many requests on one connection."""
    found = []
    with _connected(port) as connection:
        for _ in range(count):
            began = time.perf_counter()
            connection.sendall(REQUEST)
            _read_answer(connection)
            found.append((time.perf_counter() - began) * 1000)
    return found


def _connected(port: int) -> socket.socket:
    """A connection; a side that has said its port may not listen yet."""
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=10)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise SystemExit(f"nobody listens on port {port}")


def _read_answer(connection: socket.socket) -> None:
    received = connection.recv(65536)
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(head.decode())
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)


if __name__ == "__main__":
    sys.exit(main())
