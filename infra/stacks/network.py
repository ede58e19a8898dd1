"""The network that everything runs in."""

from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.network import Network
from infra.stacks.base import DeploymentStack


class NetworkStack(DeploymentStack):
    """A VPC without a way in or out."""

    def __init__(self, scope: Construct, addresses: Addresses) -> None:
        super().__init__(scope, "network", addresses)
        self.network = Network(self, "Network", addresses)
