"""A network without a way in or out: isolated subnets, and endpoints for the AWS APIs in use."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.endpoints import add_endpoints
from infra.constructs.logs import retention

ISOLATED = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
POSTGRES = ec2.Port.tcp(5432)
HTTPS = ec2.Port.tcp(443)


class Network(Construct):
    """The VPC, its endpoints, and who may talk to whom."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses) -> None:
        super().__init__(scope, id)
        self.vpc = _vpc(self, addresses)
        self.functions = self._group("Functions", "Lambda functions and training jobs")
        self.jobs = self._group("Jobs", "Glue jobs")
        self.proxy = self._group("Proxy", "RDS Proxy")
        self.database = self._group("Database", "Postgres, and the rotation of its secret")
        self._endpoints()
        self._rules()

    def _group(self, id: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, id, vpc=self.vpc, description=description, allow_all_outbound=False
        )

    def _endpoints(self) -> None:
        self.endpoints = self._group("Endpoints", "Endpoints of AWS APIs")
        add_endpoints(self, self.vpc, ISOLATED, self.endpoints)

    def _rules(self) -> None:
        for group in (self.functions, self.jobs, self.database):
            self.endpoints.add_ingress_rule(group, HTTPS, "AWS APIs")
            # S3's addresses are known to its gateway only; the subnets lead nowhere else.
            group.add_egress_rule(ec2.Peer.any_ipv4(), HTTPS, "Endpoints, and S3 by its gateway")
        for group in (self.functions, self.jobs, self.proxy, self.database):
            group.add_egress_rule(self.database, POSTGRES, "Postgres")
            self.database.add_ingress_rule(group, POSTGRES, "Postgres")
        self.functions.add_egress_rule(self.proxy, POSTGRES, "Postgres by its proxy")
        self.proxy.add_ingress_rule(self.functions, POSTGRES, "Postgres by its proxy")
        # The workers of a Glue job talk to each other on any port.
        self.jobs.add_ingress_rule(self.jobs, ec2.Port.all_tcp(), "Glue workers")
        self.jobs.add_egress_rule(self.jobs, ec2.Port.all_tcp(), "Glue workers")


def fixed(scope: Construct, id: str, group: ec2.SecurityGroup) -> ec2.ISecurityGroup:
    """A group for another stack's use: its rules stay here, or stacks would depend in a circle."""
    return ec2.SecurityGroup.from_security_group_id(
        scope, id, group.security_group_id, mutable=False
    )


def _vpc(scope: Construct, addresses: Addresses) -> ec2.Vpc:
    deployment = addresses.deployment
    vpc = ec2.Vpc(
        scope,
        "Vpc",
        ip_addresses=ec2.IpAddresses.cidr(deployment.network),
        # Named, as looking them up would need an account.
        availability_zones=[f"{deployment.region}{zone}" for zone in deployment.zones],
        nat_gateways=0,
        create_internet_gateway=False,
        subnet_configuration=[
            ec2.SubnetConfiguration(
                name="isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=20
            )
        ],
    )
    # The deployment's key comes with the data, later; CloudWatch encrypts this by its own.
    flows = logs.LogGroup(
        scope,
        "FlowLog",
        retention=retention(deployment.log_days),
        removal_policy=RemovalPolicy.DESTROY,
    )
    vpc.add_flow_log("Flows", destination=ec2.FlowLogDestination.to_cloud_watch_logs(flows))
    return vpc
