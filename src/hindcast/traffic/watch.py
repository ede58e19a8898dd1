"""What a canary answered, and the alarms that end it."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hindcast.errors import HindcastError

SERVER_ERROR = 500


@dataclass(frozen=True)
class Traffic:
    """Requests that a release answered, and those of them that it failed (5xx).

    latency_p99_ms: 99 of 100 took so long at most; None without requests.
    """

    requests: int
    errors: int
    latency_p99_ms: float | None


@dataclass(frozen=True)
class Alarms:
    """Beyond these a canary is rolled back; fewer requests than these say nothing.

    The same limits as those of the alarms on AWS, which a test holds them to.
    """

    error_percent: float = 1.0
    latency_p99_ms: float = 500.0
    requests: int = 100

    def ringing(self, traffic: Traffic) -> str | None:
        """The alarm that rings and why; None while none does.

        Errors that would be too many among the fewest requests need not wait for the rest.
        """
        judged = max(traffic.requests, self.requests)
        if traffic.errors * 100 > self.error_percent * judged:
            found = f"{traffic.errors} of {traffic.requests} requests failed"
            return f"error rate: {found}, more than {self.error_percent:g}%"
        slow = traffic.latency_p99_ms
        if slow is not None and slow > self.latency_p99_ms and not self.too_few(traffic):
            return f"latency: p99 is {slow:.0f} ms, more than {self.latency_p99_ms:g} ms"
        return None

    def too_few(self, traffic: Traffic) -> str | None:
        """That there was no traffic to judge by; None where there was."""
        if traffic.requests >= self.requests:
            return None
        return f"traffic: {traffic.requests} requests, fewer than the {self.requests} to judge by"


class Watch:
    """Reads a stage's access log as it grows, for one release from now on."""

    def __init__(self, log: Path, release: str) -> None:
        self._log = log
        self._release = release
        self._place = log.stat().st_size if log.exists() else 0
        self._latencies: list[float] = []
        self._errors = 0

    def look(self) -> Traffic:
        """All that the release answered since the start; HindcastError for a log that is none."""
        for line in self._new_lines():
            try:
                self._count(json.loads(line))
            except (KeyError, TypeError, ValueError) as error:
                # A watch that cannot see is no reason to go on.
                raise HindcastError(
                    f"{self._log}: a line is not the access log's: {error!r}"
                ) from error
        count = len(self._latencies)
        p99 = sorted(self._latencies)[math.ceil(0.99 * count) - 1] if count else None
        return Traffic(count, self._errors, p99)

    def _count(self, entry: Mapping[str, Any]) -> None:
        if entry["release"] == self._release:
            self._latencies.append(float(entry["latency"]))
            self._errors += int(entry["status"]) >= SERVER_ERROR

    def _new_lines(self) -> list[bytes]:
        """Whole lines only: the last one may be half written."""
        if not self._log.exists():
            return []
        with self._log.open("rb") as stream:
            stream.seek(self._place)
            lines = stream.read().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        self._place += sum(map(len, whole))
        return whole
