"""Give features and models another version; their templates stay as they are."""

from typing import Any

from botocore.exceptions import WaiterError

from infra.delivery.infrastructure import VERSION, VERSIONED
from infra.delivery.step import DeliveryError, Variables, client, say


def run(variables: Variables) -> None:
    """Update the stacks of DEPLOYMENT that take a version to VERSION.

    Predict does not change by this: its stage names a version, which only a roll-out changes.
    Raises DeliveryError with CloudFormation's reason when an update fails.
    """
    deployment, version = variables.deployment, variables["VERSION"]
    cloudformation = client("cloudformation", deployment.region)
    for capability in VERSIONED:
        update(cloudformation, deployment.named(capability), version)


def update(cloudformation: Any, stack: str, version: str) -> None:
    """Update one stack to a version, unless it has it, and wait for the end."""
    [found] = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    names = [one["ParameterKey"] for one in found["Parameters"]]
    if {"ParameterKey": VERSION, "ParameterValue": version} in found["Parameters"]:
        say(f"{stack} has version {version} already")
        return
    others = [{"ParameterKey": name, "UsePreviousValue": True} for name in names]
    try:
        cloudformation.update_stack(
            StackName=stack,
            UsePreviousTemplate=True,
            Parameters=[
                *(one for one in others if one["ParameterKey"] != VERSION),
                {"ParameterKey": VERSION, "ParameterValue": version},
            ],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
        )
        cloudformation.get_waiter("stack_update_complete").wait(StackName=stack)
    except WaiterError as error:
        raise DeliveryError(
            f"{stack} did not take version {version}: {_reason(cloudformation, stack)}"
        ) from error
    say(f"{stack} has version {version}")


def _reason(cloudformation: Any, stack: str) -> str:
    """The newest failure, which is that of the update: events come newest first."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [
        f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', one['ResourceStatus'])}"
        for one in events
        if one["ResourceStatus"].endswith("_FAILED")
    ]
    return failed[0] if failed else "see the stack's events"
