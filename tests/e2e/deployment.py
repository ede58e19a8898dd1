"""A deployment's stacks on the local AWS, in their order, pruned of what the emulator lacks."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from tests.e2e.local_aws import ACCOUNT, REGION, LocalAws

Template = dict[str, Any]

# What ministack 1.5.33 does not know: a type, or a property that it does not know of one.
# A test asks for each, so that the list shrinks when the emulator learns.
PRUNED = {
    "AWS::EC2::FlowLog": "no packets flow, so there is nothing to log",
    "AWS::EC2::SecurityGroupEgress": "no packets flow; the groups themselves are made",
    "AWS::EC2::SecurityGroupIngress": "no packets flow; the groups themselves are made",
    "AWS::RDS::DBProxy": "not emulated; predict reads a real Postgres directly",
    "AWS::RDS::DBProxyTargetGroup": "not emulated, as the proxy",
    "AWS::SecretsManager::ResourcePolicy": "not emulated in templates; it refuses deletion",
    "AWS::SecretsManager::RotationSchedule": "its Lambda is a macro of AWS's own",
    "AWS::Glue::SecurityConfiguration": "not emulated; nothing is encrypted there",
    "AWS::WAFv2::LoggingConfiguration": "not emulated; no request meets the firewall",
    "AWS::WAFv2::WebACLAssociation": "not emulated; no request meets the firewall",
    "AWS::CloudWatch::CompositeAlarm": "not emulated; the alarms that it is over are made",
    "AWS::Budgets::Budget": "not emulated; nothing costs anything there",
    "AWS::CloudWatch::Alarm.Metrics": "alarms on expressions over metrics are not emulated",
}
# An attribute that it lacks of a type that it has: the secret that RDS keeps for its administrator.
ABSENT = {"AWS::RDS::DBInstance": "MasterUserSecret.SecretArn"}
BOOTSTRAP_VERSION, BOOTSTRAP_BUCKET = "/cdk-bootstrap/hnb659fds/version", "bootstrap"
SECONDS_TO_DEPLOY = 60
UNCHANGED = "No updates are to be performed"


class DeploymentError(AssertionError):
    """Raised when a stack does not come to be, with what CloudFormation says of it."""


@dataclass(frozen=True)
class Stacks:
    """The stacks of an account."""

    aws: LocalAws

    def bootstrap(self) -> None:
        """What `cdk bootstrap` leaves: a bucket for templates, and the version of itself."""
        self.aws.client("ssm").put_parameter(Name=BOOTSTRAP_VERSION, Value="30", Type="String")
        self.aws.client("s3").create_bucket(
            Bucket=BOOTSTRAP_BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def deploy(self, name: str, template: Template, parameters: Mapping[str, str]) -> str:
        """Create or update a stack, pruned; what it ends with, or DeploymentError."""
        # By way of the bucket: CloudFormation takes no more than 51,200 bytes directly.
        self.aws.client("s3").put_object(
            Bucket=BOOTSTRAP_BUCKET, Key=name, Body=json.dumps(prune(template))
        )
        formation = self.aws.client("cloudformation")
        known = name in [one["StackName"] for one in formation.describe_stacks()["Stacks"]]
        work = formation.update_stack if known else formation.create_stack
        asked = {
            key: parameters[key] for key in template.get("Parameters", {}) if key in parameters
        }
        try:
            work(
                StackName=name,
                TemplateURL=f"{self.aws.url}/{BOOTSTRAP_BUCKET}/{name}",
                Parameters=[{"ParameterKey": one, "ParameterValue": asked[one]} for one in asked],
                Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            )
        except ClientError as error:  # Which a deployment takes for success, as cdk deploy does.
            if UNCHANGED not in str(error):
                raise
            return UNCHANGED
        return self._ended(name, "UPDATE_COMPLETE" if known else "CREATE_COMPLETE")

    def resources(self, name: str) -> dict[str, str]:
        """The physical ids of a stack's resources, by their logical ids."""
        found = self.aws.client("cloudformation").describe_stack_resources(StackName=name)
        return {
            one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found["StackResources"]
        }

    def _ended(self, name: str, well: str) -> str:
        formation = self.aws.client("cloudformation")
        deadline = time.monotonic() + SECONDS_TO_DEPLOY
        while time.monotonic() < deadline:
            [stack] = formation.describe_stacks(StackName=name)["Stacks"]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                break
            time.sleep(0.02)
        status: str = stack["StackStatus"]
        if status != well:
            raise DeploymentError(f"{name}: {status}\n" + "\n".join(self._failures(name)))
        return status

    def _failures(self, name: str) -> Iterator[str]:
        formation = self.aws.client("cloudformation")
        for event in formation.describe_stack_events(StackName=name)["StackEvents"]:
            if event["ResourceStatus"].endswith("FAILED"):
                reason = event.get("ResourceStatusReason", "")
                yield f"{event['ResourceType']} {event['LogicalResourceId']}: {reason}"


def prune(template: Template) -> Template:
    """The template without what PRUNED names; whoever refers to it gets a name in its place."""
    resources = template["Resources"]
    gone = {name for name, resource in resources.items() if pruned_by(resource)}
    kept = {**template, "Resources": {name: resources[name] for name in resources.keys() - gone}}
    for resource in kept["Resources"].values():
        if "DependsOn" in resource:
            resource["DependsOn"] = sorted({*resource["DependsOn"]} - gone)
    found: Template = _replaced(kept, gone, resources)
    return found


def pruned_by(resource: Mapping[str, Any]) -> str | None:
    """The entry of PRUNED that a resource is left out by."""
    kind = resource["Type"]
    entries = [kind, *(f"{kind}.{name}" for name in resource.get("Properties", {}))]
    return next((entry for entry in entries if entry in PRUNED), None)


def resources(templates: Mapping[str, Template]) -> dict[str, dict[str, Any]]:
    """Every resource of some templates, by its stack and logical id."""
    return {
        f"{stack} {name}": resource
        for stack, template in templates.items()
        for name, resource in template["Resources"].items()
    }


def without_reference(value: dict[str, Any]) -> Any:
    """A name in the place of a reference, for `json.loads` to build with."""
    return "any" if len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")) else value


def changed_properties(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    """The properties in which a resource differs from what it was."""
    one, other = old["Properties"], new["Properties"]
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


def only_at_creation(resource: Mapping[str, Any]) -> set[str]:
    """The properties whose change replaces a resource, as AWS's own schema of its type says."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, resource["Type"]).schema
    return {path.split("/")[2] for path in schema.get("createOnlyProperties", [])}


def _replaced(value: Any, gone: set[str], resources: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_replaced(item, gone, resources) for item in value]
    if not isinstance(value, dict):
        return value
    name, *attribute = value.get("Fn::GetAtt") or [value.get("Ref")]
    if name in gone or (attribute and ABSENT.get(resources[name]["Type"]) == attribute[0]):
        return _stand_in(name, *attribute)
    return {key: _replaced(item, gone, resources) for key, item in value.items()}


def _stand_in(name: str, attribute: str = "") -> str:
    if attribute.endswith("Arn"):
        return f"arn:aws:pruned:{REGION}:{ACCOUNT}:resource:{name}"
    return f"pruned-{name.lower()}"
