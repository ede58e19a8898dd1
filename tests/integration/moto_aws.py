"""AWS's APIs as moto serves them: a server of this process, to which AWS_* variables lead."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from mlflow.store.artifact import s3_artifact_repo
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
# Serves until its input ends.
_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(f"http://{host}:{port}", flush=True)
sys.stdin.read()
"""


@contextmanager
def served() -> Iterator[str]:
    """Its URL; any client finds it, in this process and in those it starts."""
    with account() as url, _found(url):
        yield url


@contextmanager
def account() -> Iterator[str]:
    """The URL of an account that holds nothing: moto keeps what earlier servers were given."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    urllib.request.urlopen(f"{url}/moto-api/reset", data=b"", timeout=60).close()
    yield url
    server.stop()


@contextmanager
def served_apart() -> Iterator[str]:
    """The same by a process of its own: delta-rs lets no other thread run while it reads a file."""
    command, pipe = [sys.executable, "-c", _SERVER], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout
        with _found(server.stdout.readline().strip()) as url:
            yield url
        server.kill()


@contextmanager
def _found(url: str) -> Iterator[str]:
    """The server's URL, to which AWS_* variables lead."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }.items():
            patch.setenv(name, value)
        _forget_clients()
        yield url
    _forget_clients()


def _forget_clients() -> None:
    """MLflow keeps clients for minutes, whatever AWS_ENDPOINT_URL says by then."""
    s3_artifact_repo._cached_get_s3_client.cache_clear()


@contextmanager
def bucket(name: str, apart: bool = False) -> Iterator[str]:
    """The URI of an empty bucket."""
    with served_apart() if apart else served():
        boto3.client("s3").create_bucket(Bucket=name)
        yield f"s3://{name}"
