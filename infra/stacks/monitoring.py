"""Monitoring: alarms that tell people, and a page that shows them why."""

from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.alarms import Alarms
from infra.constructs.budget import Budget
from infra.constructs.dashboard import Dashboard
from infra.constructs.replicas import FailedReplicas
from infra.stacks.base import DeploymentStack


class MonitoringStack(DeploymentStack):
    """It knows the others by their names only, so that none of them waits for it."""

    def __init__(self, scope: Construct, addresses: Addresses) -> None:
        super().__init__(scope, "monitoring", addresses)
        topic = addresses.topic_arn(self)
        alarms = Alarms(self, "Alarms", addresses, topic)
        if standby := addresses.deployment.standby:
            FailedReplicas(self, "Replicas", addresses, Addresses(standby), topic)
        if addresses.deployment.watching.budget:
            Budget(self, "Budget", addresses, topic)
        Dashboard(self, "Dashboard", addresses, alarms.all)
