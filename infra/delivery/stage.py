"""The API's stage: which version of predict serves there, and whether that is about to change."""

from typing import Any

from hindcast import names
from infra.config import STAGE, Deployment
from infra.delivery.step import DeliveryError, account, client

REBUILD = "rebuild"


def rest_api(deployment: Deployment) -> str | None:
    """The id of the deployment's API; None before its first deployment."""
    pages = client("apigateway", deployment.region).get_paginator("get_rest_apis").paginate()
    found = (api for page in pages for api in page["items"])
    return next((api["id"] for api in found if api["name"] == deployment.prefix), None)


def settled_version(deployment: Deployment) -> str | None:
    """The version that the stage names; None before there is a stage.

    Raises DeliveryError while a rebuild may change it: CloudFormation would set it back.
    """
    api = rest_api(deployment)
    if api is None:
        return None
    stage = client("apigateway", deployment.region).get_stage(restApiId=api, stageName=STAGE)
    if stage.get("canarySettings"):
        raise DeliveryError(
            f"a canary is on the stage '{STAGE}' of {deployment.prefix}: try again when it has "
            "ended; the rebuild that started it ends it"
        )
    _refuse_rebuild(deployment)
    version: str = stage["variables"][names.STAGE_VARIABLE]
    return version


def rebuild_arn(deployment: Deployment) -> str:
    """The state machine that rolls out."""
    place = f"{deployment.region}:{account(deployment.region)}"
    return f"arn:aws:states:{place}:stateMachine:{deployment.named(REBUILD)}"


def _refuse_rebuild(deployment: Deployment) -> None:
    running: list[dict[str, Any]] = client("stepfunctions", deployment.region).list_executions(
        stateMachineArn=rebuild_arn(deployment), statusFilter="RUNNING"
    )["executions"]
    if running:
        raise DeliveryError(
            f"the rebuild {running[0]['name']} of {deployment.prefix} is under way, and may change "
            "what serves: try again when it has ended"
        )
