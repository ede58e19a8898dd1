"""The app: every deployment's stacks and the pipeline that delivers them.

`python -m infra.app` writes cdk.out; the CDK's command line calls it too.
"""

import json
from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks

from infra import config
from infra.addresses import Addresses
from infra.config import Delivery, Deployment
from infra.stacks.access import AccessStack
from infra.stacks.api import ApiStack
from infra.stacks.built import BuiltStack
from infra.stacks.data import DataStack
from infra.stacks.delivery import DeliveryStack
from infra.stacks.features import FeaturesStack
from infra.stacks.models import ModelsStack
from infra.stacks.monitoring import MonitoringStack
from infra.stacks.network import NetworkStack
from infra.stacks.orchestration import OrchestrationStack
from infra.stacks.recovery import RecoveryStack

ROOT = Path(__file__).parents[1]


def build(outdir: Path | None, deliveries: Iterable[Delivery]) -> cdk.App:
    """An app with the pipelines and all that they deliver, checked by cdk-nag when synthesized."""
    # App().synth() does not read cdk.json; only the command line does.
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(outdir=str(outdir) if outdir else None, context=context)
    for delivery in deliveries:
        for deployment in delivery.deployments:
            add_deployment(app, deployment, delivery)
        BuiltStack(app, delivery)
        DeliveryStack(app, delivery)
    check(app)
    return app


def check(app: cdk.App) -> None:
    """Make synthesis fail for what cdk-nag finds and nobody has acknowledged."""
    rules = AwsSolutionsChecks(app, write_suppressions_to_cloud_formation=True)
    cdk.Validations.of(app).add_plugins(rules)


def add_deployment(app: cdk.App, deployment: Deployment, delivery: Delivery) -> None:
    """The stacks of one deployment, in the order of their deployment, and of its standby."""
    AccessStack(app, Addresses(deployment), delivery)
    kept = add_standby(app, deployment, delivery)
    data = _add_stacks(app, Addresses(deployment), delivery, None)
    if kept is not None:  # Rules of replication name what is there.
        data.add_stack_dependency(kept)


def add_standby(app: cdk.App, first: Deployment, delivery: Delivery) -> RecoveryStack | None:
    """What a second region has from the first day, and the stacks that follow when it has to serve.

    No step of the pipeline deploys those: it may be gone as well. None without a second region.
    """
    if first.standby is None:
        return None
    addresses = Addresses(first.standby)
    kept = RecoveryStack(app, addresses, first)
    _add_stacks(app, addresses, delivery, kept)
    return kept


def _add_stacks(
    app: cdk.App, addresses: Addresses, delivery: Delivery, kept: RecoveryStack | None
) -> DataStack:
    network = NetworkStack(app, addresses).network
    data = DataStack(app, addresses, network, kept)
    FeaturesStack(app, addresses, network, data)
    keeps = delivery.keeps_training_log(addresses.deployment)
    models = ModelsStack(app, addresses, network, data, keeps)
    api = ApiStack(app, addresses, data, models)
    OrchestrationStack(app, addresses, data, models, api)
    MonitoringStack(app, addresses)
    return data


if __name__ == "__main__":
    build(None, [config.DELIVERY]).synth()
