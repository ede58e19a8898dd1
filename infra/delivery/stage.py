"""The API's stages: which version of predict serves on each, and that nothing changes it."""

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from botocore.exceptions import ClientError

from hindcast import names
from infra.config import Deployment
from infra.delivery.step import DeliveryError, account, client

SECONDS_HELD = 3600  # What a deployment of the templates may take; the step's own limit.
SECONDS_BETWEEN_LOOKS = 2


def rest_api(deployment: Deployment) -> str | None:
    """The id of the deployment's API; None before its first deployment."""
    pages = client("apigateway", deployment.region).get_paginator("get_rest_apis").paginate()
    found = (api for page in pages for api in page["items"])
    return next((api["id"] for api in found if api["name"] == deployment.prefix), None)


@contextmanager
def held_versions(
    deployment: Deployment, pause: Callable[[float], None]
) -> Iterator[dict[str, str]]:
    """The version that each model's stage names, while no rebuild may change any.

    CloudFormation would set a promotion back. Nothing of a model that has no stage yet. Raises
    DeliveryError while a rebuild is under way.
    """
    with ExitStack() as holds:
        for model in deployment.models:
            holds.enter_context(_hold(deployment, model, pause))
        api = rest_api(deployment)
        found = {model: _stage(deployment, api, model) for model in deployment.models if api}
        yield {model: _settled(deployment, model, one) for model, one in found.items() if one}


def rebuild_arn(deployment: Deployment, model: str) -> str:
    """The state machine that rolls a model out."""
    place = f"{deployment.region}:{account(deployment.region)}"
    return f"arn:aws:states:{place}:stateMachine:{deployment.of_model(names.REBUILD, model)}"


@contextmanager
def _hold(deployment: Deployment, model: str, pause: Callable[[float], None]) -> Iterator[None]:
    """Hold a model as a rebuild does: by its machine, of which one at a time has it."""
    states = client("stepfunctions", deployment.region)
    try:
        started = states.start_execution(
            stateMachineArn=rebuild_arn(deployment, model),
            name=f"deployment-{uuid.uuid4().hex[:12]}",
            input=json.dumps({"hold": SECONDS_HELD}),
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "StateMachineDoesNotExist":
            raise
        yield  # Before its first deployment.
        return
    execution = started["executionArn"]
    try:
        _await_hold(states, execution, pause)
        yield
    finally:
        states.stop_execution(executionArn=execution, cause="the deployment has ended")


def _await_hold(states: Any, execution: str, pause: Callable[[float], None]) -> None:
    while not _waits(states, execution):
        found = states.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            reason = found.get("cause") or found["status"]
            raise DeliveryError(f"{execution}: {reason}: try again when it has ended")
        pause(SECONDS_BETWEEN_LOOKS)


def _waits(states: Any, execution: str) -> bool:
    found = states.get_execution_history(executionArn=execution, reverseOrder=True, maxResults=1)
    newest = max(found["events"], key=lambda event: event["id"])
    return bool(newest["type"] == "WaitStateEntered")


def _stage(deployment: Deployment, api: str, model: str) -> dict[str, Any] | None:
    gateway = client("apigateway", deployment.region)
    try:
        stage: dict[str, Any] = gateway.get_stage(restApiId=api, stageName=model)
    except gateway.exceptions.NotFoundException:
        return None
    return stage


def _settled(deployment: Deployment, model: str, stage: dict[str, Any]) -> str:
    if stage.get("canarySettings"):
        raise DeliveryError(
            f"a canary is on the stage '{model}' of {deployment.prefix}, which a rebuild left: "
            "start one, which ends it first, and try again when it has ended"
        )
    version: str = stage["variables"][names.STAGE_VARIABLE]
    return version
