"""Monitoring: alarms that tell people, and a page that shows them why."""

from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.alarms import Alarms
from infra.constructs.dashboard import Dashboard
from infra.constructs.replicas import FailedReplicas
from infra.stacks.base import DeploymentStack


class MonitoringStack(DeploymentStack):
    """It knows the others by their names only, so that none of them waits for it."""

    def __init__(self, scope: Construct, addresses: Addresses) -> None:
        super().__init__(scope, "monitoring", addresses)
        alarms = Alarms(self, "Alarms", addresses, addresses.topic_arn(self))
        if standby := addresses.deployment.standby:
            topic = addresses.topic_arn(self)
            FailedReplicas(self, "Replicas", addresses, Addresses(standby), topic)
        Dashboard(self, "Dashboard", addresses, alarms.all)
