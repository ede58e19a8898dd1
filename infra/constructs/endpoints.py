"""The ways out of the network: S3's gateway and an endpoint for each AWS API that is called inside.

Each lets out only what is signed by this account and reaches this account: by somebody else's keys,
or to somebody else's bucket, topic or function, nothing leaves, whatever a role would allow.
"""

from collections.abc import Sequence

from aws_cdk import Aws, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

# Each costs money by the hour: only what is called inside the network, here with who calls it.
_Service = ec2.InterfaceVpcEndpointAwsService
ENDPOINTS = {
    "SecretsManager": _Service.SECRETS_MANAGER,  # Whoever signs in to Postgres; rotation.
    "Keys": _Service.KMS,  # Glue's runtime, as its security configuration says.
    "Logs": _Service.CLOUDWATCH_LOGS,  # Glue's runtime, in the job's name.
    "Metrics": _Service.CLOUDWATCH_MONITORING,  # Control; Glue's runtime.
    "States": _Service.STEP_FUNCTIONS,  # The control API; drift, which starts rebuilds.
    "Schedules": _Service("scheduler"),  # The control API.
    "Notices": _Service.SNS,  # Relay.
    "Events": _Service.EVENTBRIDGE,  # Relay.
    "Functions": _Service.LAMBDA_,  # Relay, which has webhooks posted from outside.
}


def add_endpoints(
    scope: Construct, vpc: ec2.Vpc, subnets: ec2.SubnetSelection, group: ec2.ISecurityGroup
) -> None:
    """Give a network its ways out; the group lets the network's own groups in."""
    storage = vpc.add_gateway_endpoint(
        "Storage", service=ec2.GatewayVpcEndpointAwsService.S3, subnets=[subnets]
    )
    for statement in (_own(scope), _services(), _read(scope)):
        storage.add_to_policy(statement)
    for name, service in ENDPOINTS.items():
        endpoint = vpc.add_interface_endpoint(
            name,
            service=service,
            subnets=subnets,
            security_groups=[group],
            open=False,  # Only the groups that are named, not the whole network.
        )
        endpoint.add_to_policy(_own(scope))


def _own(scope: Construct) -> iam.PolicyStatement:
    """By this account, to this account; what exactly, the roles say."""
    account = Stack.of(scope).account
    same = {"aws:PrincipalAccount": account, "aws:ResourceAccount": account}
    return _allow(["*"], ["*"], {"StringEquals": same})


def _services() -> iam.PolicyStatement:
    """What AWS's services sign themselves, which is nobody's keys."""
    return _allow(["s3:*"], ["*"], {"Bool": {"aws:PrincipalIsAWSService": "true"}})


def _read(scope: Construct) -> iam.PolicyStatement:
    """Reading AWS's own buckets: layers of images, at addresses that ECR signs; Glue's parts.

    SageMaker's own are in images and on its machines: a job of our image reads none.
    """
    region = Stack.of(scope).region
    names = (f"prod-{region}-starport-layer-bucket", f"aws-glue-jes-prod-{region}-assets")
    return _allow(["s3:GetObject"], [f"arn:{Aws.PARTITION}:s3:::{name}/*" for name in names])


def _allow(
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: dict[str, dict[str, str]] | None = None,
) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        principals=[iam.AnyPrincipal()],
        actions=actions,
        resources=resources,
        conditions=conditions,
    )
