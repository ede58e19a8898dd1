"""Deploy the templates; the application stays in the version that runs."""

import time
from collections.abc import Callable

from infra.config import CAPABILITIES, Deployment
from infra.delivery import cdk
from infra.delivery.stage import held_versions
from infra.delivery.step import Variables, say
from infra.project import live_version

# Stacks that take the application's version, by this parameter.
VERSIONED = ("features", "models")
VERSION = "ApplicationVersion"


def run(variables: Variables, pause: Callable[[float], None] = time.sleep) -> None:
    """Deploy cdk.out to DEPLOYMENT; VERSION is for stacks that are new.

    No rebuild starts meanwhile. Raises DeliveryError while one is under way, or its canary there.
    """
    deployment, new = variables.deployment, variables["VERSION"]
    given = {
        f"{deployment.named(what)}:{VERSION}": running_version(deployment, what) or new
        for what in VERSIONED
    }
    with held_versions(deployment, pause) as serving:
        for model, live in serving.items():
            given[f"{deployment.named('api')}:{live_version(model)}"] = live
        say(f"deploying {deployment.prefix} with {given}")
        cdk.deploy([deployment.named(what) for what in CAPABILITIES], given)


def running_version(deployment: Deployment, capability: str) -> str | None:
    """The version of the application in a stack; None where there is no such stack yet."""
    found = cdk.described(deployment.named(capability), deployment.region)
    if found is None:
        return None
    values = {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}
    version: str = values[VERSION]
    return version
