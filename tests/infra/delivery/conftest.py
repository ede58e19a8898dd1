"""AWS on moto with every call kept, and commands on PATH that only note what they were told."""

import json
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from infra.config import STAGING
from infra.delivery import cdk
from infra.delivery.step import Variables
from tests.infra.delivery.permissions import ACCOUNT, REGION, Call
from tests.orchestration.aws import Fake
from tests.orchestration.stage import Stage

VERSION, MODEL = "0123abcd", "credit_risk"
_NOTE = """#!/bin/sh
name=$(basename "$0")
echo "$name $*" >> "{folder}/log"
case "$*" in *--password-stdin*) cat >> "{folder}/input" ;; esac
test ! -e "{folder}/$name.fails"
"""


@pytest.fixture
def variables() -> Variables:
    """Those of a step of staging."""
    return Variables({"DEPLOYMENT": STAGING.name, "VERSION": VERSION})


@dataclass
class Calls:
    """Every call to AWS, a few of which moto does not answer."""

    calls: list[Call] = field(default_factory=list)
    fakes: dict[tuple[str, str], Fake] = field(default_factory=dict)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand between botocore and moto."""
        onwards = BaseClient._make_api_call

        def call(client: Any, operation: str, given: dict[str, Any]) -> Any:
            service = client.meta.service_model.service_name
            self.calls.append((service, operation, given))
            fake = self.fakes.get((service, operation))
            return fake(given) if fake else onwards(client, operation, given)

        patch.setattr(BaseClient, "_make_api_call", call)

    def made(self, service: str, operation: str) -> list[dict[str, Any]]:
        """What was given with each call of that name."""
        return [given for s, o, given in self.calls if (s, o) == (service, operation)]


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Calls]:
    """AWS on moto; `calls` are those of the step alone, once a test has cleared its own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    config: Any = {
        "core": {"mock_credentials": False},
        "stepfunctions": {"execute_state_machine": True},
        "lambda": {"use_docker": False},
    }
    with mock_aws(config=config):
        made = Calls()
        made.install(monkeypatch)
        yield made


@pytest.fixture
def stage(aws: Calls) -> Stage:
    """Staging's API, whose stage keeps a canary, and a machine that nobody has started."""
    client("apigateway").create_rest_api(name="hindcast-staging-other")
    client("apigateway").create_rest_api(name=STAGING.prefix)
    machines({"StartAt": "Hold", "States": {"Hold": {"Type": "Wait", "Seconds": 60, "End": True}}})
    found = Stage()
    aws.fakes.update(found.fakes)
    return found


@dataclass(frozen=True)
class Commands:
    """Programs that only note how they were called."""

    folder: Path

    def add(self, name: str) -> Path:
        path = self.folder / name
        path.write_text(_NOTE.format(folder=self.folder))
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def fail(self, name: str) -> None:
        (self.folder / f"{name}.fails").touch()

    @property
    def noted(self) -> list[str]:
        log = self.folder / "log"
        return log.read_text().splitlines() if log.exists() else []


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """make, docker and Node, none of which does a thing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    made = Commands(folder)
    for name in ("make", "docker", "node"):
        made.add(name)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(cdk, "NODE", tmp_path)
    return made


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


def machines(definition: dict[str, Any]) -> None:
    """The rebuild machines of all models of staging with another definition."""
    for model in STAGING.models:
        machine(definition, model)


def machine(definition: dict[str, Any], model: str = MODEL) -> str:
    """The rebuild machine of a model of staging with another definition; its ARN."""
    name, arn = STAGING.of_model("rebuild", model), machine_arn(model)
    given = {"definition": json.dumps(definition), "roleArn": f"arn:aws:iam::{ACCOUNT}:role/any"}
    states = client("stepfunctions")
    if arn in [one["stateMachineArn"] for one in states.list_state_machines()["stateMachines"]]:
        states.update_state_machine(stateMachineArn=arn, **given)
    else:
        states.create_state_machine(name=name, **given)
    return arn


def machine_arn(model: str) -> str:
    """The ARN of a model's rebuild machine in staging."""
    name = STAGING.of_model("rebuild", model)
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


def stack(capability: str, version: str | None) -> None:
    """A stack of staging that shows its version in a parameter of Systems Manager."""
    name = STAGING.named(capability)
    value = {"Ref": "ApplicationVersion"} if version else "none"
    shown = {
        "Type": "AWS::SSM::Parameter",
        "Properties": {"Name": f"/{name}", "Type": "String", "Value": value},
    }
    other = {"Type": "String", "Default": "kept"}
    parameters = {"Other": other, "ApplicationVersion": {"Type": "String"}} if version else {}
    client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=json.dumps({"Parameters": parameters, "Resources": {"Shown": shown}}),
        Parameters=[
            {"ParameterKey": "Other", "ParameterValue": "other"},
            {"ParameterKey": "ApplicationVersion", "ParameterValue": version},
        ]
        if version
        else [],
    )


def shown(capability: str) -> str:
    """The version that a stack shows."""
    found = client("ssm").get_parameter(Name=f"/{STAGING.named(capability)}")
    value: str = found["Parameter"]["Value"]
    return value
