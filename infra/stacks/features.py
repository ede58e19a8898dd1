"""Features: the Glue job that computes them, and the catalog that shows them."""

from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.catalog import Catalog
from infra.constructs.glue_job import RefreshJob
from infra.constructs.network import Network
from infra.stacks.base import DeploymentStack
from infra.stacks.data import DataStack


class FeaturesStack(DeploymentStack):
    """From the raw tables to features; the state machine that starts it is in orchestration."""

    def __init__(
        self, scope: Construct, addresses: Addresses, network: Network, data: DataStack
    ) -> None:
        super().__init__(scope, "features", addresses)
        self.catalog = Catalog(self, "Catalog", addresses, data.key)
        self.refresh = RefreshJob(
            self, "Refresh", addresses, network, data.database, data.key, self.version()
        )
