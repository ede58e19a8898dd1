"""AWS's APIs as moto serves them: a server of this process, to which AWS_* variables lead."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from mlflow.store.artifact import s3_artifact_repo
from moto.server import ThreadedMotoServer

REGION = "us-east-1"


@contextmanager
def served() -> Iterator[str]:
    """Its URL; any client finds it, in this process and in those it starts."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
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
    server.stop()


def _forget_clients() -> None:
    """MLflow keeps clients for minutes, whatever AWS_ENDPOINT_URL says by then."""
    s3_artifact_repo._cached_get_s3_client.cache_clear()


@contextmanager
def bucket(name: str) -> Iterator[str]:
    """The URI of an empty bucket."""
    with served():
        boto3.client("s3").create_bucket(Bucket=name)
        yield f"s3://{name}"
