"""Access: what the pipeline may do in a deployment."""

from constructs import Construct

from infra.addresses import Addresses
from infra.config import Delivery
from infra.constructs.delivery_access import DeliveryAccess
from infra.stacks.base import DeploymentStack


class AccessStack(DeploymentStack):
    """It comes first, by hand, as the pipeline reaches nothing without it."""

    def __init__(self, scope: Construct, addresses: Addresses, delivery: Delivery) -> None:
        super().__init__(scope, "access", addresses)
        DeliveryAccess(self, "Delivery", addresses, delivery)
