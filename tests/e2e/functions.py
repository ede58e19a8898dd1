"""The functions of the deployment `staging`, each started with what its template and image say."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hindcast.serving import tls
from tests.e2e import emulator
from tests.e2e.emulator import ROOT, Function
from tests.infra.resources import Template, properties, text

# What tests/infra holds to be the synthesized template.
SNAPSHOTS = ROOT / "tests" / "infra" / "snapshots"
PREFIX, ACCOUNT = "hindcast-staging-", "123456789012"
LINE_KEYS, KEYS = f"{PREFIX}line-keys", {"1": "k" * 64}
# Functions that run an image of another name.
PREDICT = "predict-credit_risk"
IMAGES = {"migrate": "control", "ingest": "control", PREDICT: "predict"}


@dataclass(frozen=True)
class Places:
    """What stands for AWS: its endpoint, the database's host:port, and what a function's disk is.

    release: what is at /opt/release in predict's image; secret: the ARN of the administrator's;
    patience: seconds to wait for the database, more than serving has, for a busy machine;
    authority: who signs for the database.
    """

    folder: Path
    database: str = "127.0.0.1:1"
    aws: str = "http://127.0.0.1:1"
    release: Path = Path("/nowhere")
    secret: str = ""
    patience: int = 20
    authority: Path = Path("/nowhere")

    def stand_in(self, value: str) -> str:
        """A value of the template with what is here in the place of what is on AWS."""
        for pattern, here in {
            "<AWS::AccountId>": ACCOUNT,
            "<AWS::Partition>": "aws",
            "<[^>]*MasterUserSecret[^>]*>": self.secret,
            "<[^>]*LineKeys[^>]*>": LINE_KEYS,
            "<[^>]*Endpoint[^>]*>:5432": self.database,
            "sslmode=verify-full$": f"sslmode=verify-full&connect_timeout={self.patience}",
            "^/tmp/": f"{self.folder}/",
            "^/opt/release$": str(self.release),
        }.items():
            value = re.sub(pattern, here, value)
        assert "<" not in value, value
        return value


def template(stack: str) -> Template:
    """The template of one stack of staging."""
    document: Template = json.loads((SNAPSHOTS / f"{PREFIX}{stack}.json").read_text())
    return document


@contextmanager
def started(name: str, places: Places, **changes: str) -> Iterator[Function]:
    """Start a function, by its name without the deployment's prefix; changes: of its variables."""
    given = _properties(name)
    variables = {
        variable: places.stand_in(text(value))
        for variable, value in given["Environment"]["Variables"].items()
    }
    handler, image = _image(IMAGES.get(name, name))
    environment = {
        **{variable: places.stand_in(value) for variable, value in image.items()},
        **variables,
        **changes,
        "AWS_ENDPOINT_URL": places.aws,
        "AWS_ALLOW_HTTP": "true",
        # In the place of RDS's own.
        tls.VARIABLE: str(places.authority),
    }
    sizes = (given["Timeout"], given["MemorySize"])
    with emulator.function(handler, environment, given["FunctionName"], *sizes) as running:
        yield running


def _properties(name: str) -> dict[str, Any]:
    functions = properties(template("models"), "AWS::Lambda::Function")
    [found] = [one for one in functions if one["FunctionName"] == f"{PREFIX}{name}"]
    return found


def _image(name: str) -> tuple[str, Mapping[str, str]]:
    """Handler and variables that an image has of its Dockerfile."""
    lines = (ROOT / "lambdas" / name.replace("-", "_") / "Dockerfile").read_text().splitlines()
    [command] = [line for line in lines if line.startswith("CMD ")]
    pairs = [
        word.partition("=")
        for line in lines
        if line.startswith("ENV ")
        for word in shlex.split(line)[1:]
    ]
    [handler] = json.loads(command.removeprefix("CMD "))
    return handler, {variable: value for variable, _, value in pairs}
