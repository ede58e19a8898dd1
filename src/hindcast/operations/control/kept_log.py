"""The log of a local server, kept beside its output and collected by itself, as on AWS."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from hindcast.audit import prediction_log
from hindcast.errors import HindcastError
from hindcast.serving.handler import logger
from hindcast.stores.lake import Lake

EVERY_SECONDS = 30.0
# Of lines that are being collected; what a kill leaves of it is collected by the next server.
_TAKEN = ".taken"


class _Both:
    """A stream that writes to two."""

    def __init__(self, first: IO[str], second: IO[str]) -> None:
        self._streams = first, second

    def write(self, text: str) -> int:
        """Write to both."""
        first, second = self._streams
        second.write(text)
        return first.write(text)

    def flush(self) -> None:
        """Flush both."""
        for stream in self._streams:
            stream.flush()


class KeptLog:
    """The lines that this process logs, in a file until the lake has their predictions."""

    def __init__(self, path: Path, lake: Lake) -> None:
        self._path, self._lake = path, lake
        self._handler: Any = logger.logger_handler
        self._alone = threading.Lock()
        self._stop = threading.Event()
        self._file: IO[str] | None = None

    @contextmanager
    def opened(self) -> Iterator["KeptLog"]:
        """Keep what is logged until the with ends, and collect it now and then and at the end."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._output: IO[str] = self._handler.stream
        self._begin()
        thread = threading.Thread(target=self._collect_now_and_then, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()
            self.collect()

    def collect(self) -> None:
        """Let the lake have every prediction that was logged until now."""
        taken = self._path.with_suffix(_TAKEN)
        with self._alone:
            if not taken.exists():
                self._take(taken)
            if taken.stat().st_size:
                prediction_log.collect([taken], self._lake, datetime.now(UTC))
            taken.unlink()

    def _take(self, taken: Path) -> None:
        """Put what is kept aside, and go on in a new file; no line is written meanwhile."""
        self._handler.acquire()
        try:
            self._end()
            self._path.replace(taken)
            if not self._stop.is_set():
                self._begin()
        finally:
            self._handler.release()

    def _begin(self) -> None:
        self._file = self._path.open("a")
        self._handler.setStream(_Both(self._output, self._file))

    def _end(self) -> None:
        self._handler.setStream(self._output)
        if self._file is not None:
            self._file.close()

    def _collect_now_and_then(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            try:
                self.collect()
            except (HindcastError, OSError) as error:  # A full disk is no end of it either.
                logger.error("the log is kept, and not collected yet", reason=str(error))
