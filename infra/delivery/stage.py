"""The API's stages: which version of predict serves on each, and whether that may soon change."""

from typing import Any

from hindcast import names
from infra.config import Deployment
from infra.delivery.step import DeliveryError, account, client


def rest_api(deployment: Deployment) -> str | None:
    """The id of the deployment's API; None before its first deployment."""
    pages = client("apigateway", deployment.region).get_paginator("get_rest_apis").paginate()
    found = (api for page in pages for api in page["items"])
    return next((api["id"] for api in found if api["name"] == deployment.prefix), None)


def settled_versions(deployment: Deployment) -> dict[str, str]:
    """The version that each model's stage names; nothing of a model that has no stage yet.

    Raises DeliveryError while a rebuild may change one: CloudFormation would set it back.
    """
    api = rest_api(deployment)
    if api is None:
        return {}
    found = {model: _stage(deployment, api, model) for model in deployment.models}
    return {model: _settled(deployment, model, stage) for model, stage in found.items() if stage}


def rebuild_arn(deployment: Deployment, model: str) -> str:
    """The state machine that rolls a model out."""
    place = f"{deployment.region}:{account(deployment.region)}"
    return f"arn:aws:states:{place}:stateMachine:{deployment.of_model(names.REBUILD, model)}"


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
            f"a canary is on the stage '{model}' of {deployment.prefix}: try again when it has "
            "ended; the rebuild that started it ends it"
        )
    _refuse_rebuild(deployment, model)
    version: str = stage["variables"][names.STAGE_VARIABLE]
    return version


def _refuse_rebuild(deployment: Deployment, model: str) -> None:
    running: list[dict[str, Any]] = client("stepfunctions", deployment.region).list_executions(
        stateMachineArn=rebuild_arn(deployment, model), statusFilter="RUNNING"
    )["executions"]
    if running:
        raise DeliveryError(
            f"the rebuild {running[0]['name']} of {deployment.prefix}'s {model} is under way, and "
            "may change what serves: try again when it has ended"
        )
