"""Orchestration: the state machines, when they start, and whom they tell."""

from dataclasses import asdict

from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.notices import Notices
from infra.constructs.prediction_log import dead_letters
from infra.constructs.rebuild import Rebuild
from infra.constructs.refresh import Refresh
from infra.constructs.schedules import Schedules
from infra.stacks.api import ApiStack
from infra.stacks.base import DeploymentStack
from infra.stacks.data import DataStack
from infra.stacks.models import ModelsStack


class OrchestrationStack(DeploymentStack):
    """Refresh and rebuild, by schedule."""

    def __init__(
        self,
        scope: Construct,
        addresses: Addresses,
        data: DataStack,
        models: ModelsStack,
        api: ApiStack,
    ) -> None:
        super().__init__(scope, "orchestration", addresses)
        deployment = addresses.deployment
        failed = dead_letters(self, "Undelivered", addresses.named("undelivered"), data.key)
        self.notices = Notices(self, "Notices", addresses, data.key, failed)
        refresh = Refresh(self, "Refresh", addresses, data, models)
        rebuild = Rebuild(self, "Rebuild", addresses, data, models, api)
        schedules = Schedules(self, "Schedules", addresses, data.key, failed)
        schedules.start("refresh", refresh.machine, deployment.schedule.refresh, {})
        # jsii takes lists, and no tuples.
        canary = {**asdict(deployment.canary), "steps": list(deployment.canary.steps)}
        given = {"training": deployment.training.path, "canary": canary}
        schedules.start("rebuild", rebuild.machine, deployment.schedule.rebuild, given)
        # The ages of features and model, and drift, as metrics for the alarms on them.
        control = models.functions.control.function
        schedules.call("measure", control, deployment.schedule.measure, {"action": "measure"})
        schedules.call("compact", control, deployment.schedule.compact, {"action": "compact"})
