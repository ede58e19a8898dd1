"""Orchestration: the state machines, when they start, and whom they tell."""

from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.batch import Batch
from infra.constructs.control_api import ControlApi
from infra.constructs.events import Events
from infra.constructs.jobs import Jobs, machine_arns
from infra.constructs.notices import Notices
from infra.constructs.prediction_log import dead_letters
from infra.constructs.probe import NAME as PROBE
from infra.constructs.probe import Probe
from infra.constructs.rebuild import Rebuild
from infra.constructs.refresh import Refresh
from infra.constructs.schedules import Schedules
from infra.constructs.warm import NAME as WARM
from infra.constructs.warm import Warm
from infra.stacks.api import ApiStack
from infra.stacks.base import DeploymentStack
from infra.stacks.data import DataStack
from infra.stacks.models import ModelsStack


class OrchestrationStack(DeploymentStack):
    """One refresh of all views, and a rebuild for each model, by schedule."""

    def __init__(
        self,
        scope: Construct,
        addresses: Addresses,
        data: DataStack,
        models: ModelsStack,
        api: ApiStack,
    ) -> None:
        super().__init__(scope, "orchestration", addresses)
        failed = dead_letters(self, "Undelivered", addresses.named("undelivered"), data.key)
        self.notices = Notices(self, "Notices", addresses, data.key, failed)
        refresh = Refresh(self, "Refresh", addresses, data, models)
        schedules = Schedules(self, "Schedules", addresses, data.key, failed)
        schedules.allow_starting(machine_arns(self, addresses))
        schedule, jobs = addresses.deployment.schedule, Jobs(self, "Jobs", addresses, data, models)
        schedules.start("refresh", refresh.machine, schedule.refresh, {})
        for model in addresses.deployment.models:
            rebuild = Rebuild(self, f"Rebuild-{model}", addresses, model, data, models, api, failed)
            given = {"model": model, **addresses.deployment.rebuilt()}
            schedules.start(rebuild.name, rebuild.machine, schedule.of_model(model), given)
            name, given = f"drift-{model}", {"model": model, "by": f"schedule drift-{model}"}
            schedules.start(name, jobs.machines["drift"], schedule.drift, given)
        # The ages of features and models, as metrics for the alarms on them.
        control = models.functions.control.function
        schedules.call("measure", control, schedule.measure, {"action": "measure"})
        schedules.call("compact", control, schedule.compact, {"action": "compact"})
        schedules.call("verify", control, schedule.verify, {"action": "verify"})
        batch = Batch(self, "Batch", addresses, data, models, failed)
        for name, cron in schedule.batches.items():
            schedules.start(f"batch-{name}", batch.machine, cron, batch.scored(name))
        firewall, starts = api.firewall.acl.attr_arn, schedules.role.role_arn
        ControlApi(self, "Control", models.room, models.functions, starts, firewall)
        Events(self, "Events", addresses, data.key)
        relay, at_once = models.functions.relay.function, scheduler.TimeWindow.off()
        schedules.call("relay", relay, schedule.relay, {"action": "deliver_events"}, at_once)
        if addresses.deployment.watching.probes:
            probe = Probe(self, "Probe", addresses, api.api, data.key)
            schedules.call(PROBE, probe.function, schedule.probe, probe.event, at_once)
        if minutes := addresses.deployment.warmup.minutes:
            warm = Warm(self, "Warm", addresses, api.api.rest.rest_api_id, data.key)
            every = f"rate({minutes} minutes)"
            schedules.call(WARM, warm.function, every, warm.event, at_once)
