"""The stage of a model in a home: API Gateway's document in a file, with `hindcast serve` on it."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from hindcast.errors import ConflictError, InputError, NotFoundError, first_line
from hindcast.traffic import stage as stages
from hindcast.traffic.stage import Stage

Document = dict[str, Any]


class LocalStage:
    """Which release of a model is served from a home, and a canary beside it.

    The file is replaced whole, so that who reads it never sees half. `access_log` has a line for
    each request that was answered while there was a canary.
    """

    def __init__(self, home: Path, model: str) -> None:
        self.model = model
        self.path = home / "stages" / f"{model}.json"
        self.access_log = self.path.with_suffix(".access.log")

    @property
    def exists(self) -> bool:
        """Whether the model was ever served from this home."""
        return self.path.exists()

    def read(self) -> Stage:
        """What the stage says now; raises NotFoundError, InputError."""
        document = self._document()
        try:
            return stages.parse(document)
        except InputError as error:
            raise self._unreadable(error) from error

    def point(self, release: str) -> None:
        """Let a release answer; makes the stage where there is none, and leaves a canary alone."""
        with self._locked():
            found = replace(self.read(), release=release) if self.exists else Stage(release)
            self._replace(stages.document(found))

    def shift(self, release: str, percent: float, until: datetime | None = None) -> None:
        """Let a release answer this share of the requests as the canary; until: no longer."""
        with self._locked():
            found = replace(self.read(), canary=release, percent=float(percent), until=until)
            self._replace(stages.document(found))

    def end_canary(self) -> bool:
        """Remove the canary, whatever its settings say; whether there was one."""
        with self._locked():
            document = self._document()
            had_one = document.pop(stages.CANARY, None) is not None
            if had_one:
                self._replace(document)
            return had_one

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other roll-outs away until the end, also by a kill; raises ConflictError."""
        with _opened(self.path.with_suffix(".roll-out.lock")) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConflictError(
                    f"a roll-out of model '{self.model}' is under way in this home; wait for its "
                    "end, or stop it with Ctrl-C"
                ) from None
            yield

    def changes(self) -> Callable[[], Stage | None]:
        """A function that answers with the stage when it is new since the last call."""
        seen: tuple[int, ...] | None = None

        def new() -> Stage | None:
            nonlocal seen
            found = self._signature()
            if found == seen:
                return None
            seen = found
            return self.read()

        return new

    def _document(self) -> Document:
        try:
            document = json.loads(self.path.read_bytes())
        except FileNotFoundError:
            raise NotFoundError(
                f"model '{self.model}' is not served from this home; run: hindcast serve"
            ) from None
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        if not isinstance(document, dict):
            raise self._unreadable(TypeError("it is not a JSON object"))
        return document

    def _signature(self) -> tuple[int, ...]:
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return ()
        return status.st_ino, status.st_mtime_ns, status.st_size

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One change at a time, from reading to replacing."""
        with _opened(self.path.with_suffix(".lock")) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _replace(self, document: Document) -> None:
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(document, indent=1))
        part.replace(self.path)

    def _unreadable(self, error: Exception) -> InputError:
        return InputError(
            f"{self.path}: {first_line(error)}; delete it, and start hindcast serve again"
        )


def served(home: Path, model: str) -> LocalStage | None:
    """The stage of a model in a home; None where it was never served from there."""
    stage = LocalStage(home, model)
    return stage if stage.exists else None


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        yield handle
    finally:
        os.close(handle)
