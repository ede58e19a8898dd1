"""In front of the predict handler as API Gateway is: whose release answers which request."""

import json
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from hindcast.errors import HindcastError
from hindcast.serving.handler import Handler, logger, make_handler
from hindcast.serving.predictor import Predictor
from hindcast.serving.rarely import Rarely
from hindcast.traffic.stage import Stage


class Followed(Protocol):
    """A stage that can be read, now and whenever it changes."""

    def read(self) -> Stage:
        """What it says now."""

    def changes(self) -> Callable[[], Stage | None]:
        """A function that answers with the stage when it is new since the last call."""


def _now() -> datetime:
    return datetime.now(UTC)


class TrafficSplit:
    """A handler that splits requests between the releases of a stage, at random by percent.

    A canary answers nothing once its time is over: its roll-out is gone, who would have put that
    off. A stage that cannot be followed while it serves is logged, and the one before stays. Raises
    what reading it and opening its releases raises, at the start.
    """

    def __init__(
        self,
        followed: Followed,
        open_release: Callable[[str], Predictor],
        access_log: Path | None = None,
        draw: Callable[[], float] = random.random,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._changes = followed.changes()
        self._open = open_release
        self._access_log = access_log
        self._draw, self._clock = draw, clock
        self._told = Rarely()
        self._predictors: dict[str, Predictor] = {}
        self._handlers: dict[str, Handler] = {}
        self._use(followed.read())

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one proxy event by the release whose turn it is."""
        self._follow()
        stage = self._stage.at(self._clock())
        release = stage.pick(self._draw())
        started = time.perf_counter()
        answer = self._handlers[release](event, context)
        if stage.canary is not None and self._access_log is not None:
            milliseconds = (time.perf_counter() - started) * 1000
            is_canary = release == stage.canary
            self._record(self._access_log, release, is_canary, answer["statusCode"], milliseconds)
        return answer

    def close(self) -> None:
        """Drop the connections to the store."""
        for predictor in self._predictors.values():
            predictor.close()

    def _follow(self) -> None:
        try:
            found = self._changes()
            if found is not None:
                self._use(found)
        except HindcastError as error:
            self._tell("the stage is served as before", str(error))

    def _use(self, found: Stage) -> None:
        """Open what is new before anything changes, then leave what is no longer named."""
        known = self._predictors
        opened = {name: known.get(name) or self._open(name) for name in found.releases}
        self._handlers = {
            name: self._handlers.get(name) or make_handler(predictor)
            for name, predictor in opened.items()
        }
        self._stage, self._predictors = found, opened
        for name in known.keys() - opened.keys():
            known[name].close()

    def _record(
        self, log: Path, release: str, is_canary: bool, status: int, milliseconds: float
    ) -> None:
        """A line of the access log, with the fields of API Gateway's and the release."""
        line = {
            "time": datetime.now(UTC).isoformat(),
            "release": release,
            "canary": is_canary,
            "status": status,
            "latency": round(milliseconds, 3),
        }
        try:
            with log.open("a") as stream:
                stream.write(json.dumps(line) + "\n")
        except OSError as error:
            self._tell("the access log cannot be written", str(error.strerror))

    def _tell(self, what: str, reason: str) -> None:
        if self._told.is_due(f"{what}: {reason}"):
            logger.error(what, reason=reason)
