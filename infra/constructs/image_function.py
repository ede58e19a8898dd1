"""One Lambda function from an image, with a role and a log of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aws_cdk import Duration, Size
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from hindcast import names
from infra.addresses import Addresses
from infra.constructs.logs import log_group
from infra.constructs.network import ISOLATED
from infra.permissions import allow, allow_key, allow_network, allow_traces, role

if TYPE_CHECKING:
    from infra.constructs.network import Network
    from infra.constructs.proofs import Proofs


@dataclass(frozen=True)
class FunctionSpec:
    """What is different from function to function; memory and disk in MB."""

    name: str
    description: str
    memory: int
    seconds: int
    disk: int = 512
    concurrency: int | None = None
    image: str | None = None  # The repository; None: that of the function's name.
    is_outside: bool = False  # Of the network: for what must reach others, and nothing of ours.
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Room:
    """Where functions live."""

    addresses: Addresses
    network: "Network"
    group: ec2.ISecurityGroup
    images: Mapping[str, ecr.IRepository]
    key: kms.IKey
    version: str
    proofs: "Proofs"


class ImageFunction(Construct):
    """A function, mostly in the VPC; its role may log, trace and use the key, and what it needs."""

    def __init__(self, scope: Construct, id: str, room: Room, spec: FunctionSpec) -> None:
        super().__init__(scope, id)
        name = room.addresses.named(spec.name)
        self.log = log_group(
            self, "Log", f"/aws/lambda/{name}", room.addresses.deployment, room.key
        )
        self.role = self._role(room, spec)
        self.function = lambda_.DockerImageFunction(
            self,
            "Function",
            function_name=name,
            description=spec.description,
            code=lambda_.DockerImageCode.from_ecr(
                room.images[spec.image or spec.name], tag_or_digest=room.version
            ),
            role=self.role,
            memory_size=spec.memory,
            timeout=Duration.seconds(spec.seconds),
            ephemeral_storage_size=Size.mebibytes(spec.disk),
            reserved_concurrent_executions=spec.concurrency,
            environment={
                names.ENV_DEPLOYMENT: room.addresses.deployment.name,
                "LOGNAME": spec.name,  # Lambda's user has no name; the ledger says who acted.
                **spec.environment,
            },
            log_group=self.log,
            tracing=lambda_.Tracing.ACTIVE,
            vpc=None if spec.is_outside else room.network.vpc,
            vpc_subnets=None if spec.is_outside else ISOLATED,
            security_groups=None if spec.is_outside else [room.group],
        )

    def _role(self, room: Room, spec: FunctionSpec) -> iam.Role:
        to = role(self, "Role", "lambda.amazonaws.com", spec.description)
        allow(to, ["logs:CreateLogStream", "logs:PutLogEvents"], [self.log.log_group_arn])
        if not spec.is_outside:
            allow_network(to)
        allow_traces(to)
        allow_key(to, room.key.key_arn)
        return to
