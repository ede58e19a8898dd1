"""Recovery: what a second region keeps of the first from day to day, and the alarms on it."""

import aws_cdk as cdk
from constructs import Construct

from infra.addresses import Addresses
from infra.config import FENCED, RECOVERY, Deployment
from infra.constructs.encryption import EncryptionKey
from infra.constructs.images import ImageRepositories
from infra.constructs.proofs import Proofs
from infra.constructs.replicas import ReplicaAlarms
from infra.constructs.replication import fence
from infra.constructs.storage import Storage
from infra.stacks.base import DeploymentStack


class RecoveryStack(DeploymentStack):
    """Key, buckets and repositories of a standby, which are there before the standby is.

    Deployed before the first region's data, whose rules of replication name them. With the
    parameter Fenced they take nothing more from there.
    """

    def __init__(self, scope: Construct, standby: Addresses, first: Deployment) -> None:
        super().__init__(scope, RECOVERY, standby)
        self.key = EncryptionKey(self, "Encryption", standby).key
        self.storage = Storage(self, "Storage", standby, self.key)
        self.proofs = Proofs(self, "Proofs", standby, self.key, self.storage.access)
        ImageRepositories(self, "Images", standby, self.key)
        fence([*self.storage.buckets.values(), self.proofs.heads], self._is_fenced())
        ReplicaAlarms(self, "Alarms", standby, Addresses(first), self.key)

    def _is_fenced(self) -> str:
        parameter = cdk.CfnParameter(
            self,
            FENCED,
            description="yes once this region has taken over: it takes no more replicas",
            default="no",
            allowed_values=["no", "yes"],
        )
        condition = cdk.CfnCondition(
            self,
            "IsFenced",
            expression=cdk.Fn.condition_equals(parameter.value_as_string, "yes"),
        )
        return condition.logical_id
