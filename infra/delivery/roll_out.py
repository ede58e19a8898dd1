"""Bring the new version's predict code to traffic: each model's champion in a new image."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from infra.config import Deployment
from infra.delivery.stage import rebuild_arn
from infra.delivery.step import DeliveryError, Variables, client, say

SECONDS_BETWEEN_LOOKS = 30


def run(variables: Variables, pause: Callable[[float], None] = time.sleep) -> None:
    """Roll VERSION out to DEPLOYMENT by each model's canary, all at once, and wait for the ends.

    The releases stay: delivery moves code, and rebuilds move models. Before a model has a champion
    nothing of it is rolled out. One that fails or is rolled back stops no other; DeliveryError at
    the end says which did.
    """
    deployment, version = variables.deployment, variables["VERSION"]
    states = client("stepfunctions", deployment.region)
    started = [start(states, deployment, model, version) for model in deployment.models]
    failed = []
    for execution in started:
        say(f"waiting for {execution}")
        try:
            ended = wait(states, execution, pause)
        except DeliveryError as error:
            failed.append(str(error))
        else:
            say(f"{ended['outcome']}: release {ended['release']}, version {ended['version']}")
    if failed:
        raise DeliveryError("; ".join(failed))


def start(states: Any, deployment: Deployment, model: str, version: str) -> str:
    """Start, or join, a model's roll-out of the version; one that failed is tried anew. Its ARN."""
    machine = rebuild_arn(deployment, model)
    name, attempt = f"delivery-{version}", 1
    while True:
        try:
            started = states.start_execution(
                stateMachineArn=machine, name=name, input=json.dumps(rolled(deployment))
            )
            return str(started["executionArn"])
        except states.exceptions.ExecutionAlreadyExists:
            execution = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
            status = states.describe_execution(executionArn=execution)["status"]
            if status in ("RUNNING", "SUCCEEDED"):
                return execution
        attempt += 1
        name = f"delivery-{version}-{attempt}"


def rolled(deployment: Deployment) -> dict[str, Any]:
    """The machine's input: the release that is in production, by the deployment's canary."""
    return {"release": "champion", "canary": asdict(deployment.canary)}


def wait(states: Any, execution: str, pause: Callable[[float], None]) -> dict[str, Any]:
    """What an execution ended with; raises DeliveryError unless it succeeded."""
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        pause(SECONDS_BETWEEN_LOOKS)
    if found["status"] != "SUCCEEDED":
        raise DeliveryError(_failure(found))
    output: dict[str, Any] = json.loads(found["output"])
    return output


def _failure(found: dict[str, Any]) -> str:
    error, cause = found.get("error", found["status"]), found.get("cause", "it was stopped")
    again = "; try again when it has ended" if error == "AlreadyRunning" else ""
    return f"{found['executionArn']}: {error}: {cause}{again}"
