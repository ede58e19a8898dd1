"""Told once a minute, however many requests meet the same cause."""

import time
from collections.abc import Callable

SECONDS = 60.0
_MOST = 1000  # Causes that are remembered; a text that changes with each request is no cause.


class Rarely:
    """Remembers when each cause was told last."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def is_due(self, cause: str) -> bool:
        """Whether to tell a cause now; it counts as told then, for SECONDS."""
        now = self._clock()
        if now < self._until.get(cause, now):
            return False
        if len(self._until) >= _MOST:
            self._until.clear()
        self._until[cause] = now + SECONDS
        return True
