"""How a use case tells what it is doing, without knowing who listens."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Progress(Protocol):
    """Receives the steps of long work."""

    def start(self, step: str, total: int | None = None) -> None:
        """A step begins; total is its size in rows or bytes, where known."""
        ...

    def advance(self, amount: int) -> None:
        """The current step moved on."""
        ...

    def finish(self) -> None:
        """The current step ended."""
        ...


class Silent:
    """Progress that nobody watches."""

    def start(self, step: str, total: int | None = None) -> None:
        """Ignore it."""

    def advance(self, amount: int) -> None:
        """Ignore it."""

    def finish(self) -> None:
        """Ignore it."""


@contextmanager
def step(progress: Progress, name: str, total: int | None = None) -> Iterator[None]:
    """One step of work, finished also when it fails."""
    progress.start(name, total)
    try:
        yield
    finally:
        progress.finish()
