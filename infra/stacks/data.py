"""Everything that is stored: lake, releases, images, database; and its key."""

from aws_cdk import aws_secretsmanager as secrets
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.database import Database
from infra.constructs.encryption import EncryptionKey
from infra.constructs.images import ImageRepositories
from infra.constructs.network import Network
from infra.constructs.proofs import Proofs
from infra.constructs.replication import Replication, replicate_backups, replicate_secret
from infra.constructs.storage import Storage
from infra.stacks.base import DeploymentStack
from infra.stacks.recovery import RecoveryStack


class DataStack(DeploymentStack):
    """What outlives every other stack.

    kept: of a standby, which has all but the database from the first day.
    """

    def __init__(
        self,
        scope: Construct,
        addresses: Addresses,
        network: Network,
        kept: RecoveryStack | None = None,
    ) -> None:
        super().__init__(scope, "data", addresses)
        if kept is not None:
            self.key, self.storage, self.proofs = kept.key, kept.storage, kept.proofs
        else:
            self.key = EncryptionKey(self, "Encryption", addresses).key
            self.storage = Storage(self, "Storage", addresses, self.key)
            self.proofs = Proofs(self, "Proofs", addresses, self.key, self.storage.access)
            ImageRepositories(self, "Images", addresses, self.key)
        self.database = Database(self, "Database", addresses, network, self.key)
        if standby := addresses.deployment.standby:
            self._replicate(addresses, Addresses(standby))

    def _replicate(self, addresses: Addresses, standby: Addresses) -> None:
        buckets = {**self.storage.buckets, "heads": self.proofs.heads}
        Replication(self, "Replication", addresses, standby, buckets, self.key)
        replicate_backups(self.database.instance, standby)
        assert isinstance(self.proofs.line_keys, secrets.Secret)
        replicate_secret(self.proofs.line_keys, standby)
