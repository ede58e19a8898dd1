"""A state machine from its file: logged, traced, with a role that may do what it is given."""

from collections.abc import Mapping

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.definitions import definition
from infra.constructs.logs import log_group
from infra.permissions import acknowledge, allow, allow_traces, role

LOG_REASON = "The log service's deliveries have no ARN; a state machine must manage its own."


class Machine(Construct):
    """One state machine of the deployment, of a file that several may share."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        addresses: Addresses,
        name: str,
        file: str,
        values: Mapping[str, str],
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self.name, full_name = name, addresses.named(name)
        self.role = role(self, "Role", "states.amazonaws.com", f"The state machine {full_name}")
        allow_traces(self.role)
        acknowledge(self.role, LOG_REASON, "AwsSolutions-IAM5[Resource::*]")
        # Step Functions writes only what it may: a vended log, under this prefix.
        log = f"/aws/vendedlogs/states/{full_name}"
        self.machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=full_name,
            definition_body=sfn.DefinitionBody.from_string(definition(file, values)),
            definition_substitutions=dict(values),
            role=self.role,
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log_group(self, "Log", log, addresses.deployment, key),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,
            ),
        )


def allow_events(to: iam.Role, rule: str) -> None:
    """The rule by which Step Functions learns that another service's job has ended."""
    arn = Stack.of(to).format_arn(service="events", resource="rule", resource_name=rule)
    allow(to, ["events:PutTargets", "events:PutRule", "events:DescribeRule"], [arn])
