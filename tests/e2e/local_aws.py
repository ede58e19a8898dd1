"""A local AWS: ministack as a process of its own, on loopback, with all it stores in one folder."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

ROOT = Path(__file__).parents[2]
# In a folder of its own, as its pins would rule the versions of everything else.
MINISTACK = ROOT / ".venv" / "ministack"
REGION, ACCOUNT = "eu-west-1", "000000000000"
SECONDS_TO_START, SECONDS_TO_STOP = 30, 15
# It ends with us, even where we are killed.
WATCHER = (sys.executable, "-I", str(Path(__file__).with_name("until_eof.py")))


@dataclass(frozen=True)
class LocalAws:
    """Where it answers."""

    url: str

    def client(self, service: str) -> Any:
        """A client with the rights of the account's owner."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def stage_url(self, api: str, stage: str) -> str:
        """Where a stage of a REST API is called."""
        return f"{self.url}/_aws/execute-api/{api}/{stage}"


@contextmanager
def local_aws(folder: Path, functions: Mapping[str, str]) -> Iterator[LocalAws]:
    """An empty account; each function of a name is called at its URL."""
    port = _free_port()
    log = folder / "ministack.log"
    with (
        log.open("w") as out,
        subprocess.Popen(
            [*WATCHER, sys.executable, "-m", "tests.e2e.mended_ministack"],
            cwd=ROOT,
            env=_environment(folder, port, functions),
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            start_new_session=True,
        ) as process,
    ):
        assert process.stdin is not None
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(process, f"{url}/_ministack/ready", log)
            yield LocalAws(url)
        finally:
            process.stdin.close()
            process.wait(SECONDS_TO_STOP)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _environment(folder: Path, port: int, functions: Mapping[str, str]) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(MINISTACK),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": REGION,
        "LOG_LEVEL": "WARNING",
        "AUTH": "true",  # Signatures and permissions are looked at.
        # They would listen at all addresses.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        **{name: str(folder) for name in ("HOME", "TMPDIR", "S3_DATA_DIR", "STATE_DIR")},
        **{f"MINISTACK_LAMBDA_PROXY_{name}": url for name, url in functions.items()},
    }


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url):
                return
        except urllib.error.URLError:
            time.sleep(0.05)
    raise RuntimeError(f"ministack did not start (is {MINISTACK} there?):\n{log.read_text()}")
