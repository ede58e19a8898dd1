"""A model in a process of its own: what it knows, and what becomes of one that does wrong."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hindcast.errors import HindcastError, InputError
from hindcast.models.registry.model_process import ModelProcess
from tests.logged import ROWS

Worker = Callable[..., ModelProcess]


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Worker]:
    """Starts a process that says it is ready, and then does as the lines tell it."""
    started: list[ModelProcess] = []

    def start(lines: str, seconds: float = 30) -> ModelProcess:
        script = tmp_path / "worker.py"
        script.write_text(f"import os, sys, time\nimport pyarrow as pa\n{READY}{lines}\n")
        started.append(ModelProcess(tmp_path, "pyfunc", seconds, script))
        return started[-1]

    yield start
    for process in started:
        process.close()


READY = """
def send(message):
    os.write(1, len(message).to_bytes(8, "big") + message)
def table(**columns):
    sink, rows = pa.BufferOutputStream(), pa.table(columns)
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    return b"=" + sink.getvalue().to_pybytes()
def asked():
    sys.stdin.buffer.read(int.from_bytes(sys.stdin.buffer.read(8), "big"))
send(b"=")
asked()
"""


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("sys.stderr.write('out of memory\\n'); sys.exit(9)", r"\(exit 9\).*: out of memory"),
        ("os.kill(os.getpid(), 9)", r"\(exit -9\) and did not answer"),
        ("send(table(prediction=[1]))", "gave 1 answers for 4 rows"),
        ("send(table(prediction=[[1]] * 4))", "prediction is list.*: no number or text"),
        ("send(b'=nonsense')", "answers cannot be read"),
        ("os.write(1, b'a line that was printed')", "answered with .* bytes, not a table"),
        (
            "send(table(prediction=[1] * 4)); asked(); send(table(prediction=['a'] * 4))",
            "other types than before: prediction: string, not prediction: int64",
        ),
    ],
    ids=["exit", "killed", "too few", "lists", "no arrow", "prints", "other types"],
)
def test_what_a_process_does_wrong_is_one_line(worker: Worker, lines: str, message: str) -> None:
    process = worker(lines)
    with pytest.raises(HindcastError, match=message) as raised:
        _twice(process)
    assert not isinstance(raised.value, InputError)
    assert "\n" not in str(raised.value)


def _twice(process: ModelProcess) -> None:
    process.score(ROWS)
    process.score(ROWS)


def test_a_process_that_hangs_is_ended(worker: Worker) -> None:
    process = worker("time.sleep(60)", seconds=0.1)
    with pytest.raises(HindcastError, match=r"did not answer within 0.1 s and was ended"):
        process.score(ROWS)


def test_a_process_has_nothing_of_our_environment(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDCAST_DATABASE_URL", "postgresql://user:secret@here/db")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    process = worker("send(table(prediction=[' '.join(os.environ.values())] * 4))")
    [said] = set(process.score(ROWS)["prediction"].to_pylist())
    assert "secret" not in said
    assert os.environ["PATH"] in said
    assert sys.path[-1] in said
