"""The API: routes, stages, usage plan and firewall."""

from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.api import PredictionApi
from infra.constructs.firewall import Firewall
from infra.constructs.health import HealthChecks
from infra.stacks.base import DeploymentStack
from infra.stacks.data import DataStack
from infra.stacks.models import ModelsStack


class ApiStack(DeploymentStack):
    """The way in for callers."""

    def __init__(
        self, scope: Construct, addresses: Addresses, data: DataStack, models: ModelsStack
    ) -> None:
        super().__init__(scope, "api", addresses)
        self.api = PredictionApi(self, "Api", addresses, data.key)
        self.add_stack_dependency(models)  # Its stages name their functions.
        if addresses.deployment.recovery or addresses.deployment.takes_over:
            HealthChecks(self, "Health", addresses, self.api)
        self.firewall = Firewall(self, "Firewall", addresses, self.api.stages, data.key)
