"""A model from MLflow's folder, asked in a process of its own, which has no secret to give away."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer

import pyarrow as pa

from hindcast.errors import HindcastError, InputError, first_line
from hindcast.models.registry import mlflow_store, model_worker
from hindcast.models.registry.model_worker import ANSWERS, LENGTH

WORKER = Path(model_worker.__file__)
# What a process needs to run at all; nothing else of this one's environment comes along.
_KEPT = ("PATH", "LANG", "LD_LIBRARY_PATH")
LARGEST_ANSWER = 2**31
START_SECONDS = 180.0
_PLAIN = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_boolean,
    pa.types.is_string,
    pa.types.is_large_string,
)


class ModelProcess:
    """Scores rows; what the process does wrong is an error of one line, and ends it."""

    def __init__(self, folder: Path, flavor: str, seconds: float, worker: Path = WORKER) -> None:
        """Start the process and load the model; raises HindcastError where that fails.

        seconds: how long the answers for one chunk may take.
        """
        self._seconds, self._schema = seconds, pa.schema([])
        self._home = tempfile.TemporaryDirectory(prefix="hindcast-model-")
        self._said = Path(self._home.name) / "stderr"
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-B", str(worker), str(folder.absolute()), flavor],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                env=_environment(self._home.name, flavor),
                cwd=self._home.name,
                start_new_session=True,
            )
        with self._closing_on_error():
            self._receive(START_SECONDS, "start")

    def score(self, rows: pa.Table) -> pa.Table:
        """An answer for each row, in their order; raises InputError for what the model refuses.

        Raises HindcastError where the process breaks off, is too slow or answers what is no answer.
        """
        with self._closing_on_error():
            self._send(rows)
            return self._checked(self._receive(self._seconds, "answer"), rows.num_rows)

    def close(self) -> None:
        """End the process, and those that it has started."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]
        self._home.cleanup()

    @contextmanager
    def _closing_on_error(self) -> Iterator[None]:
        try:
            yield
        except InputError:
            raise
        except BaseException:
            self.close()
            raise

    def _send(self, rows: pa.Table) -> None:
        assert self._process.stdin is not None
        message = model_worker.written(rows)
        try:
            self._process.stdin.write(LENGTH.pack(len(message)) + message)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError) as error:
            raise self._broken("take rows") from error

    def _receive(self, seconds: float, what: str) -> bytes:
        """The next answer; a process that takes longer is killed, which ends its messages."""
        timer = Timer(seconds, self._process.kill)
        timer.start()
        try:
            size = int.from_bytes(self._read(LENGTH.size, what), "big")
            if not 0 < size <= LARGEST_ANSWER:
                raise HindcastError(f"the model's process answered with {size} bytes, not a table")
            message = self._read(size, what)
        finally:
            is_late = timer.finished.is_set()
            timer.cancel()
            if is_late:
                raise HindcastError(
                    f"the model's process did not {what} within {seconds:g} s and was ended"
                )
        if message[:1] != ANSWERS:
            raise InputError(first_line(Exception(message[1:].decode("utf-8", "replace"))))
        return message[1:]

    def _read(self, size: int, what: str) -> bytes:
        assert self._process.stdout is not None
        found = self._process.stdout.read(size)
        if len(found) < size:
            raise self._broken(what)
        return found

    def _broken(self, what: str) -> HindcastError:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        lines = self._said.read_text("utf-8", "replace").strip().splitlines()
        said = f": {lines[-1]}" if lines else ""
        code = self._process.returncode
        return HindcastError(
            f"the model's process broke off (exit {code}) and did not {what}{said}"
        )

    def _checked(self, message: bytes, rows: int) -> pa.Table:
        """The answers; raises HindcastError for other rows, other columns or types than before."""
        try:
            found = pa.ipc.open_stream(message).read_all()
            found.validate(full=True)
        except (pa.ArrowException, OSError) as error:
            raise HindcastError(
                f"the model's answers cannot be read: {first_line(error)}"
            ) from error
        if found.num_rows != rows or not found.num_columns:
            raise HindcastError(f"the model gave {found.num_rows} answers for {rows} rows")
        for field in found.schema:
            if not any(is_plain(field.type) for is_plain in _PLAIN):
                raise HindcastError(f"the model's {field.name} is {field.type}: no number or text")
        if self._schema not in (pa.schema([]), found.schema):
            before, now = self._schema.to_string(), found.schema.to_string()
            raise HindcastError(
                f"the model's answers have other types than before: {_line(now)}, not "
                f"{_line(before)}"
            )
        self._schema = found.schema
        return found


def _line(text: str) -> str:
    return text.replace("\n", ", ")


def _environment(home: str, flavor: str) -> dict[str, str]:
    found = {name: os.environ[name] for name in _KEPT if name in os.environ}
    found |= mlflow_store.ENVIRONMENT | {"HOME": home, "TMPDIR": home}
    found["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    if flavor == "spark":
        from hindcast.engines.spark.session import java_home

        found |= {"JAVA_HOME": str(java_home()), "SPARK_LOCAL_IP": "127.0.0.1"}
    return found
