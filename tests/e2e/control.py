"""The deployed control API on the local AWS: its functions as processes, and who may call it."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.credentials import Credentials

from examples.client import signed
from hindcast import names
from hindcast.client import Client
from hindcast.traffic.proxy_events import proxy_event
from infra.constructs.control_api import NAME, STAGE
from tests.e2e import emulator
from tests.e2e.local_aws import ACCOUNT, REGION
from tests.e2e.world import World
from tests.integration.hindsight import Home

HANDLERS = {
    NAME: "lambdas.control_api.handler.handler",
    "control": "lambdas.control.handler.handler",
}
_DOCUMENT = proxy_event("GET", "/openapi.json", [], b"", "127.0.0.1")
# The image of control, which is one process here as its functions are never asked at once.
SAME = ("control", "ingest")
SECONDS_TO_INGEST = 60
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@dataclass(frozen=True)
class DeployedControl:
    """Where it answers, and the deployment that it controls."""

    world: World
    api: str

    @property
    def url(self) -> str:
        return self.world.aws.stage_url(self.api, STAGE)

    def client(self, who: Credentials) -> Client:
        """A caller who signs as the docs show."""
        return Client(self.url, sign=signed(REGION, "", who))

    def session(self, role: str, name: str, may: bool = True) -> Credentials:
        """Somebody's session of a role that may call the API, or may not."""
        iam = self.world.aws.client("iam")
        if role not in [one["RoleName"] for one in iam.list_roles()["Roles"]]:
            iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
            if may:
                arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{self.api}/{STAGE}/*"
                allowed = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn}
                policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
                iam.put_role_policy(RoleName=role, PolicyName="may", PolicyDocument=policy)
        made = self.world.aws.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName=name
        )["Credentials"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


@contextmanager
def controlled(world: World, home: Home) -> Iterator[DeployedControl]:
    """The deployment's control API over a home's data; its functions have their own variables."""
    apis = world.aws.client("apigateway").get_rest_apis()["items"]
    [api] = [one["id"] for one in apis if one["name"] == world.deployment.named("control")]
    with ExitStack() as running:
        for name, handler in HANDLERS.items():
            given = variables(world, home, name)
            started = running.enter_context(emulator.function(handler, given, name))
            if name == NAME:
                # Its start is not what the API's seconds are for, on a machine that has other work.
                assert started.invoke(_DOCUMENT)["statusCode"] == 200
            for each in SAME if name in SAME else (name,):
                lead(world, each, started.url)
        yield DeployedControl(world, api)


def variables(world: World, home: Home, function: str) -> dict[str, str]:
    """What the deployment gives a function, but for where data are kept."""
    settings = home.application.settings
    return {
        **deployed(world, function),
        names.ENV_DATABASE_AUTH: "",
        names.ENV_DATABASE_URL: home.database_url,
        names.ENV_PROJECT: str(home.definitions.parent),
        names.ENV_HOME: str(home.folder / "function"),
        names.ENV_LAKE: settings.lake,
        names.ENV_RELEASES: settings.releases,
        "AWS_ENDPOINT_URL": world.aws.url,
        "AWS_ALLOW_HTTP": "true",
    }


def deployed(world: World, function: str) -> dict[str, str]:
    found = world.aws.client("lambda").get_function_configuration(
        FunctionName=world.deployment.named(function)
    )
    given: dict[str, str] = found["Environment"]["Variables"]
    return given


def lead(world: World, function: str, url: str) -> None:
    """Let the emulator call a function at a URL."""
    more = {**deployed(world, function), "MINISTACK_LAMBDA_PROXY_URL": url}
    world.aws.client("lambda").update_function_configuration(
        FunctionName=world.deployment.named(function), Environment={"Variables": more}
    )


def wait_for_file(home: Home, file: str) -> None:
    """Return once a run has ingested a file."""
    deadline = time.monotonic() + SECONDS_TO_INGEST
    while not any(
        run.parameters["file"] == file
        for run in home.application.ledger.runs("ingest", status="succeeded")
    ):
        assert time.monotonic() < deadline, home.application.ledger.runs("ingest")
        time.sleep(0.05)


def execution(world: World, run: str) -> dict[str, Any]:
    """The execution of a run."""
    machine, _, name = run.partition(".")
    prefix = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{world.deployment.named(machine)}"
    found: dict[str, Any] = world.aws.client("stepfunctions").describe_execution(
        executionArn=f"{prefix}:{name}"
    )
    return found


def unsigned(api: DeployedControl) -> Client:
    """A caller who does not sign."""
    return Client(api.url)
