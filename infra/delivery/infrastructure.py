"""Deploy the templates; the application stays in the version that runs."""

from infra.config import CAPABILITIES, Deployment
from infra.delivery import cdk
from infra.delivery.stage import settled_versions
from infra.delivery.step import Variables, say
from infra.project import live_version

# Stacks that take the application's version, by this parameter.
VERSIONED = ("features", "models")
VERSION = "ApplicationVersion"


def run(variables: Variables) -> None:
    """Deploy cdk.out to DEPLOYMENT; VERSION is for stacks that are new.

    Raises DeliveryError while a canary is on a stage or a rebuild is under way.
    """
    deployment, new = variables.deployment, variables["VERSION"]
    given = {
        f"{deployment.named(what)}:{VERSION}": running_version(deployment, what) or new
        for what in VERSIONED
    }
    for model, live in settled_versions(deployment).items():
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
