"""The emulator: what a function sees of Lambda, how it fails, that it never outlives its test."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.e2e import emulator
from tests.e2e.emulator import ROOT, Function, FunctionError, function

pytestmark = pytest.mark.skipif(bool(emulator.missing()), reason=str(emulator.missing()))
SECONDS = 3
HANDLER = """
import os, sys, time

def handler(event, context):
    if "raise" in event:
        raise getattr(__import__("hindcast.errors").errors, event["raise"])("no such thing")
    if "exit" in event:
        os._exit(event["exit"])
    if "write" in event:
        open(event["write"], "w").close()
    time.sleep(event.get("sleep", 0))
    return {
        "environment": dict(os.environ), "folder": os.getcwd(), "process": os.getpid(),
        "arn": context.invoked_function_arn, "left": context.get_remaining_time_in_millis(),
    }
"""
# Starts the function that it is given in a folder, and says which process that is.
USER = """
import sys
from tests.e2e.emulator import function
with function("sample.handler", {"PYTHONPATH": sys.argv[1]}) as running:
    print(running.invoke({})["process"], flush=True)
    running.invoke({"sleep": 60})
"""


@pytest.fixture
def code(tmp_path: Path) -> str:
    (tmp_path / "sample.py").write_text(HANDLER)
    return str(tmp_path)


@pytest.fixture
def sample(code: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Function]:
    monkeypatch.setenv("HINDCAST_HOME", "of-the-test-process")
    given = {"PYTHONPATH": code, "GIVEN": "value"}
    with function("sample.handler", given, "sample", SECONDS, 512) as running:
        yield running


def test_a_function_sees_lambda_and_what_it_was_given(sample: Function) -> None:
    told = sample.invoke({})
    environment = told["environment"]
    assert environment["GIVEN"] == "value"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "sample"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert "HINDCAST_HOME" not in environment
    assert told["arn"].endswith(":function:sample")
    assert 0 < told["left"] <= SECONDS * 1000
    assert [path.name for path in Path(told["folder"]).iterdir()] == ["lambdas"]
    assert Path(environment["TMPDIR"]) == sample.folder


def test_it_reports_every_start_and_every_event(sample: Function) -> None:
    assert sample.init_ms == []
    for _ in range(3):
        sample.invoke({})
    assert (len(sample.init_ms), len(sample.invoke_ms)) == (1, 3)
    assert all(milliseconds > 0 for milliseconds in sample.init_ms + sample.invoke_ms)


@pytest.mark.parametrize(
    ("event", "error"),
    [
        ({"raise": "StoreUnavailableError"}, "StoreUnavailableError"),
        ({"raise": "InputError"}, "InputError"),
        ({"exit": 3}, "Runtime.ExitError"),
        ({"sleep": 60}, "Sandbox.Timedout"),
    ],
)
def test_errors_have_the_name_that_lambda_gives_its_caller(
    sample: Function, event: dict[str, object], error: str
) -> None:
    process = sample.invoke({})["process"]
    with pytest.raises(FunctionError) as raised:
        sample.invoke(event)
    assert raised.value.error_type == error
    # An exception leaves the environment as it was; what ends the process gets another one.
    assert (sample.invoke({})["process"] == process) is ("raise" in event)


def test_its_own_folder_must_not_be_written_to(code: str) -> None:
    with (
        # Only root gets so far that it is found afterwards.
        pytest.raises((FunctionError, AssertionError), match=r"report\.csv"),
        function("sample.handler", {"PYTHONPATH": code}) as running,
    ):
        running.invoke({"write": "report.csv"})


def test_it_is_gone_when_the_process_that_started_it_is_killed(code: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": code}
    with subprocess.Popen(
        [sys.executable, "-c", USER, code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=environment,
    ) as user:
        assert user.stdout is not None
        process = int(user.stdout.readline())
        os.kill(process, 0)
        os.killpg(user.pid, signal.SIGKILL)
    with suppress(psutil.NoSuchProcess):
        psutil.Process(process).wait(10)
