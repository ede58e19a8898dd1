"""Everything that is stored: lake, releases, images, database; and its key."""

from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.database import Database
from infra.constructs.encryption import EncryptionKey
from infra.constructs.images import ImageRepositories
from infra.constructs.network import Network
from infra.constructs.proofs import Proofs
from infra.constructs.storage import Storage
from infra.stacks.base import DeploymentStack


class DataStack(DeploymentStack):
    """What outlives every other stack."""

    def __init__(self, scope: Construct, addresses: Addresses, network: Network) -> None:
        super().__init__(scope, "data", addresses)
        self.key = EncryptionKey(self, "Encryption", addresses).key
        self.storage = Storage(self, "Storage", addresses, self.key)
        self.proofs = Proofs(self, "Proofs", addresses, self.key, self.storage.access)
        ImageRepositories(self, "Images", addresses, self.key)
        self.database = Database(self, "Database", addresses, network, self.key)
