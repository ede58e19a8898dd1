"""What a deployment has around its functions: buckets, secrets, a topic, Postgres behind TLS."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import boto3
import psycopg
import pytest
from moto.cloudwatch.models import cloudwatch_backends
from psycopg import sql

from hindcast import names, project
from hindcast.bootstrap import Application
from hindcast.settings import Settings
from hindcast.stores import embedded_postgres
from tests import one_view
from tests.e2e.emulator import CREDENTIALS, REGION
from tests.e2e.functions import ACCOUNT, KEYS, LINE_KEYS, PREFIX, Places
from tests.integration import moto_aws
from tests.integration.hindsight import FAST
from tests.integration.rds_proxy import RdsProxy, listening

BUCKETS = {name: f"{PREFIX}{name}-{ACCOUNT}-{REGION}" for name in ("lake", "releases", "heads")}
TOPIC, WORKER = f"{PREFIX}notices", f"{PREFIX}worker"
PASSWORDS = {"postgres": "admin's:@/?", names.DATABASE_WORKER: "worker's:@/?"}


class Instance(RdsProxy):
    """An RDS instance in miniature: TLS only; a user has a password, or signs in by IAM."""

    def _is_valid(self, token: str, user: str) -> bool:
        if user in PASSWORDS:
            return PASSWORDS[user] == token
        return super()._is_valid(token, user)


@dataclass(frozen=True)
class Staging:
    """The deployment, and Glue's look at it from within.

    instance lets users in by password or IAM, proxy by IAM alone; both lead to the same Postgres.
    """

    folder: Path
    aws: str
    secret: str
    instance: RdsProxy
    proxy: RdsProxy

    def places(self, database: RdsProxy | None = None, release: Path | None = None) -> Places:
        """What stands for AWS; the database is reached by way of the instance, unless another."""
        behind = database or self.instance
        return Places(
            self.folder,
            "{}:{}".format(*behind.listener.getsockname()),
            self.aws,
            release or self.folder / "no release",
            self.secret,
            authority=behind.authority,
        )

    @property
    def application(self) -> Application:
        """Hindcast with the rights of the worker, whom Glue's jobs work as."""
        places = Settings(
            home=self.folder / "home",
            lake=f"s3://{BUCKETS['lake']}",
            releases=f"s3://{BUCKETS['releases']}/models",
            project=self.folder / "project",
            database_url=_as_user(_server(self.folder), names.DATABASE_WORKER),
        )
        return Application(places, project.load(places.project))

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """What CloudWatch was given last, by metric and by the view or model that it is of."""
        found: dict[str, dict[str, float]] = {}
        for datum in cast("list[Any]", cloudwatch_backends[ACCOUNT][REGION].metric_data):
            whose, subject = datum.dimensions
            assert (whose.name, whose.value) == ("deployment", "staging")
            found.setdefault(datum.name, {})[subject.value] = datum.value
        return found

    def stop_database(self) -> None:
        embedded_postgres.stop(self.folder / "postgres")

    def start_database(self) -> None:
        self.instance.server = self.proxy.server = _server(self.folder)


@contextmanager
def staging() -> Iterator[Staging]:
    """A deployment that has just been made: its database and its buckets are empty."""
    with ExitStack() as around:
        folder = Path(around.enter_context(tempfile.TemporaryDirectory(prefix="hindcast-")))
        patch = around.enter_context(pytest.MonkeyPatch.context())
        aws = around.enter_context(_aws(patch))
        around.callback(embedded_postgres.stop, folder / "postgres")
        server = _server(folder)
        _prepare(server)
        instance = around.enter_context(listening(server, folder, Instance))
        secret = _secrets(instance)
        proxy = around.enter_context(listening(server, folder))
        one_view.write(folder / "project", FAST)
        yield Staging(folder, aws, secret, instance, proxy)


@contextmanager
def _aws(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """An AWS account with the buckets and the topic; its endpoint, to which clients here go."""
    with moto_aws.account() as url:
        for name, value in {
            **CREDENTIALS,
            "AWS_ENDPOINT_URL": url,
            "AWS_ALLOW_HTTP": "true",
        }.items():
            patch.setenv(name, value)
        for bucket in BUCKETS.values():
            boto3.client("s3").create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )
        boto3.client("sns").create_topic(Name=TOPIC)
        yield url


def _server(folder: Path) -> str:
    return embedded_postgres.server_url(folder / "postgres")


def _prepare(server: str) -> None:
    """What RDS brings of its own: the database, and the role of those who sign in by IAM."""
    with psycopg.connect(server, autocommit=True) as session:
        session.execute("CREATE ROLE rds_iam NOLOGIN")
        name = sql.Identifier(names.DATABASE_NAME)
        session.execute(sql.SQL("CREATE DATABASE {}").format(name))


def _secrets(instance: RdsProxy) -> str:
    """The administrator's, as RDS keeps it, whose ARN it is; the worker's; the keys of lines."""
    host, port = instance.listener.getsockname()
    place = {"engine": "postgres", "host": host, "port": port, "dbname": names.DATABASE_NAME}
    secrets = {
        "rds!admin": {"username": "postgres", "password": PASSWORDS["postgres"]},
        WORKER: {
            **place,
            "username": names.DATABASE_WORKER,
            "password": PASSWORDS[names.DATABASE_WORKER],
        },
        LINE_KEYS: KEYS,
    }
    client = boto3.client("secretsmanager")
    arns = [
        str(client.create_secret(Name=name, SecretString=json.dumps(secret))["ARN"])
        for name, secret in secrets.items()
    ]
    return arns[0]


def _as_user(server: str, user: str) -> str:
    named = server.replace(":///postgres?", f":///{names.DATABASE_NAME}?")
    return named.replace("user=postgres", f"user={user}")
