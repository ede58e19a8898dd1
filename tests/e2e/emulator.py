"""A handler under Lambda's runtime interface emulator, in an environment like Lambda's.

AWS's emulator starts the runtime client (awslambdaric) as Lambda does, hands it events over the
runtime API, and writes Lambda's log. It handles one event at a time.
"""

import json
import platform
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# In a folder of its own, as the pins of its wheel would rule the versions of everything else.
PROGRAMS = ROOT / ".venv" / "rie" / "samcli" / "local" / "rapid"
MACHINES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
# The emulator answers at this one name, whatever the function's own is.
PATH = "/2015-03-31/functions/function/invocations"
REGION = "eu-west-1"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_SESSION_TOKEN": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}
SECONDS_TO_START, SECONDS_TO_STOP = 10, 15
_INIT = re.compile(r"INIT REPORT\(durationMs: ([\d.]+)\)")
_INVOKE = re.compile(r"INVOKE RTDONE\(.*duration: ([\d.]+)ms\)")
_ERROR_FIELDS = {"errorType", "errorMessage"}


class FunctionError(Exception):
    """Raised when a function fails, by the name of the error that Lambda gives its caller."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(f"{error_type}: {message}")
        self.error_type = error_type
        self.message = message


@dataclass(frozen=True)
class Function:
    """A running function; `folder` is what /tmp is to one in Lambda."""

    port: int
    folder: Path
    seconds: int

    @property
    def url(self) -> str:
        """Where an event is posted to, and the payload comes back from."""
        return f"http://127.0.0.1:{self.port}{PATH}"

    def invoke(self, event: Any) -> Any:
        """Hand over an event; the payload. The first one starts the function, as in Lambda.

        Raises FunctionError when the handler raises, ends its process or takes too long.
        """
        connection = HTTPConnection("127.0.0.1", self.port, timeout=self.seconds + 60)
        try:
            connection.request("POST", PATH, json.dumps(event))
            return _payload(connection.getresponse().read())
        finally:
            connection.close()

    @property
    def log(self) -> str:
        """All that the function and the emulator wrote, which in Lambda goes to CloudWatch."""
        return _log(self.folder).read_text()

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The lines of the log that are JSON, as the function writes its own."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    @property
    def init_ms(self) -> list[float]:
        """Milliseconds of each start: imports, and all else that is done before the first event."""
        return [float(found) for found in _INIT.findall(self.log)]

    @property
    def invoke_ms(self) -> list[float]:
        """Milliseconds from each event to its payload, as the emulator saw them."""
        return [float(found) for found in _INVOKE.findall(self.log)]


def missing() -> str | None:
    """Why there is no emulator here, or None where there is one."""
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        return f"Lambda's emulator is for Linux on {', '.join(MACHINES)}"
    return None if program().is_file() else f"{program()} is not there; run: make setup"


@contextmanager
def function(
    handler: str,
    environment: Mapping[str, str],
    name: str = "function",
    seconds: int = 60,
    memory: int = 1024,
) -> Iterator[Function]:
    """Start a handler, such as lambdas.predict.handler.handler, and stop it in the end.

    It gets Lambda's own variables and those given, and no other; seconds is its timeout, and
    memory the MB that it is told it has. It starts in a folder that holds `lambdas` and nothing
    else, in which it must not write.
    """
    with tempfile.TemporaryDirectory(prefix="hindcast-lambda-") as folder:
        task = Path(folder) / "task"
        task.mkdir()
        (task / "lambdas").symlink_to(ROOT / "lambdas")
        task.chmod(0o555)
        port = free_port()
        started = Function(port, Path(folder), seconds)
        own = _lambda_environment(name, seconds, memory, Path(folder))
        with running(_command(handler, port), task, {**own, **environment}) as process:
            wait(process, started)
            yield started
        written = [path.name for path in task.iterdir() if path.name != "lambdas"]
        assert not written, f"{name} wrote to its read-only folder: {written}"


@contextmanager
def running(
    command: Sequence[str], task: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a folder, and its log beside that; stopped in the end."""
    # In a session of its own, and by way of a process that watches over us: neither an interrupt
    # nor our death leaves the function without anyone to stop it.
    watcher = [sys.executable, "-I", str(Path(__file__).with_name("until_eof.py"))]
    with (
        _log(task.parent).open("w") as log,
        subprocess.Popen(
            [*watcher, *command],
            cwd=task,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdin is not None
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(SECONDS_TO_STOP)


def _command(handler: str, port: int) -> list[str]:
    return [str(program()), *addresses(port), sys.executable, "-m", "awslambdaric", handler]


def addresses(port: int) -> list[str]:
    """What the emulator is told: without it, it would listen at all addresses, on port 8080."""
    return [
        "--runtime-interface-emulator-address",
        f"127.0.0.1:{port}",
        "--runtime-api-address",
        f"127.0.0.1:{free_port()}",
    ]


def _lambda_environment(name: str, seconds: int, memory: int, folder: Path) -> dict[str, str]:
    return {
        **CREDENTIALS,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(seconds),  # For the emulator; Lambda has it elsewhere.
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[1]0123456789abcdef",
        # The tracer is loaded as in Lambda. The emulator passes no trace on, so nothing is sent.
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "HOME": "/home/sbx_user1051",  # There is no such folder in Lambda either.
        "LAMBDA_TASK_ROOT": str(folder / "task"),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "TMPDIR": str(folder),
        "TZ": ":UTC",
    }


def wait(process: subprocess.Popen[bytes], started: Function) -> None:
    """Return once the emulator listens; raises RuntimeError with its log where it never does."""
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", started.port)).close()
        except ConnectionRefusedError:
            time.sleep(0.005)
        else:
            return
    raise RuntimeError(f"Lambda's emulator did not start:\n{started.log}")


def _payload(body: bytes) -> Any:
    """What a handler returned; the emulator has no other sign of an error than its fields."""
    try:
        payload = json.loads(body)
    except ValueError:  # "Task timed out after 3.00 seconds", which Lambda calls so:
        raise FunctionError("Sandbox.Timedout", body.decode()) from None
    if isinstance(payload, dict) and payload.keys() >= _ERROR_FIELDS:
        raise FunctionError(payload["errorType"], payload["errorMessage"])
    return payload


def program() -> Path:
    """The emulator for this machine."""
    return PROGRAMS / f"aws-lambda-rie-{MACHINES[platform.machine()]}"


def _log(folder: Path) -> Path:
    return folder / "lambda.log"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
