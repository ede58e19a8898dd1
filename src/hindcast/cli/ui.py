"""The command that opens MLflow's own UI on the store that releases are logged to."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Annotated

import typer

from hindcast import bootstrap
from hindcast.cli import console, guarded
from hindcast.cli.app import app
from hindcast.cli.options import HomeOption, ProjectOption
from hindcast.errors import HindcastError, InputError
from hindcast.stores import database

START_SECONDS = 120
STOP_SECONDS = 10


@app.command()
def ui(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 5000,
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Open MLflow's UI on runs and models."""
    _require_mlflow()
    chosen = _free_port(host, port)
    from hindcast.models.registry.registry import open_registry

    # This process keeps the embedded Postgres alive as long as the server runs.
    application = bootstrap.application(home, project)
    registry = open_registry(application.database_url, application.settings.releases)
    registry.prepare()
    with (
        _stop_signal() as stop,
        database.kept_running(application.settings, console.warn),
        _server(registry.uri, registry.artifacts, host, chosen) as server,
    ):
        url = f"http://{host}:{chosen}"
        if _wait_until_up(url, server, stop):
            print(f"hindcast: MLflow on {url}", file=sys.stderr, flush=True)
        while server.poll() is None and not stop.wait(0.2):
            pass
        if not stop.is_set():
            raise HindcastError(
                f"the MLflow server stopped with exit code {server.returncode}; its messages "
                "are above"
            )


def _require_mlflow() -> None:
    """Training has mlflow-skinny, whose package has the same name and no server."""
    import importlib.metadata

    try:
        importlib.metadata.version("mlflow")
    except importlib.metadata.PackageNotFoundError as error:
        raise InputError("MLflow's server is not installed; install hindcast[cli]") from error


def _free_port(host: str, port: int) -> int:
    try:
        with socket.create_server((host, port)) as listener:
            return int(listener.getsockname()[1])
    except OSError as error:
        reason = error.strerror or "not possible"
        raise InputError(
            f"cannot listen on {host}:{port}: {reason}; choose another --port"
        ) from error


@contextmanager
def _server(
    store: str, artifacts: str, host: str, port: int
) -> Iterator["subprocess.Popen[bytes]"]:
    """MLflow's server, of one worker; it and every process it started are gone in the end."""
    command = [sys.executable, guarded.__file__, sys.executable, "-m", "mlflow", "server"]
    command += ["--host", host, "--port", str(port)]
    command += ["--workers", "1", "--default-artifact-root", artifacts, "--no-serve-artifacts"]
    command += ["--uvicorn-opts", "--log-level warning --no-access-log"]
    environment = {
        **os.environ,
        # Not an argument: it may hold a password, and arguments are public.
        "MLFLOW_BACKEND_STORE_URI": store,
        "MLFLOW_REGISTRY_STORE_URI": store,
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
    }
    # A session of its own, so that Ctrl-C reaches this process alone, which stops the rest.
    server = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,  # Its end is that of this process, however this one ends.
        stdout=sys.stderr.fileno(),
        start_new_session=True,
    )
    try:
        yield server
    finally:
        _stop(server)
        if server.stdin is not None:
            server.stdin.close()


def _stop(server: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, subprocess.TimeoutExpired):
            os.killpg(server.pid, number)
            server.wait(STOP_SECONDS)


def _wait_until_up(url: str, server: "subprocess.Popen[bytes]", stop: threading.Event) -> bool:
    """Whether it answers; False once it ended or is to stop."""
    import urllib.request

    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and not stop.wait(0.1):
        with suppress(OSError), urllib.request.urlopen(f"{url}/health", timeout=5):
            return True
        if time.monotonic() > deadline:
            raise HindcastError(
                f"the MLflow server did not answer within {START_SECONDS} s; run it again"
            )
    return False


@contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
