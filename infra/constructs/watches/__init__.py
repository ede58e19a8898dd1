"""All that a deployment's alarms watch, room by room."""

from constructs import Construct

from infra.addresses import Addresses
from infra.constructs.metrics import Metrics
from infra.constructs.watches import arrivals, database, machines, models
from infra.constructs.watches.watch import Watch, alarm


def watches(addresses: Addresses, scope: Construct) -> list[Watch]:
    """All there is to watch."""
    metrics = Metrics(addresses)
    return [
        *models.watches(addresses.deployment, metrics),
        *machines.watches(addresses, metrics, scope),
        *database.watches(addresses.deployment, metrics),
        *arrivals.watches(addresses.deployment, metrics),
    ]


__all__ = ["Watch", "alarm", "watches"]
