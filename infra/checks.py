"""What a deployment cannot be: each in one line that names the field, and what it may be."""

import re
from typing import TYPE_CHECKING

from infra.choices import ALARM_SECONDS, DATABASE_MEMORY

if TYPE_CHECKING:
    from infra.config import Deployment

FUNCTION_NAME_CHARACTERS = 64  # Lambda's limit.
MOST_WARMED = 100  # Of one version at a time; a thread pings each.
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")


def check_deployment(of: "Deployment") -> None:
    """Raise ValueError for the first thing that is wrong with a deployment."""
    if of.training.path not in ("lambda", "job"):
        raise ValueError(f"{of.name}: training path '{of.training.path}': use lambda or job")
    if len(of.zones) < 2:
        raise ValueError(f"{of.name}: zones {of.zones}: a database needs two or more")
    if of.health not in ("public", "alarm"):
        raise ValueError(f"{of.name}: health '{of.health}': use public or alarm")
    if of.sizes.database_class not in DATABASE_MEMORY:
        raise ValueError(
            f"{of.name}: database_class '{of.sizes.database_class}': use one of "
            f"{', '.join(DATABASE_MEMORY)}, or add its memory to infra/choices.py"
        )
    _check_canary(of)
    _check_warmup(of)
    _check_models(of)
    of.watching.check(of.name, of.models, of.protected)
    _check_recovery(of)


def _check_canary(of: "Deployment") -> None:
    canary, steps = of.canary, of.canary.steps
    if not steps or list(steps) != sorted(set(steps)) or not 0 < steps[0] <= steps[-1] < 100:
        raise ValueError(f"{of.name}: canary steps {steps}: must grow between 0 and 100")
    if not canary.is_long or canary.requests < 1:
        raise ValueError(
            f"{of.name}: canary of {canary.looks} looks, {canary.look_seconds} s apart, for "
            f"{canary.requests} requests: take {ALARM_SECONDS} s at least, as an alarm needs so "
            "long to ring, and one request"
        )


def _check_warmup(of: "Deployment") -> None:
    minutes, concurrent = of.warmup.minutes, of.warmup.concurrent
    if minutes != 0 and not 5 <= minutes <= 15:
        raise ValueError(f"{of.name}: warmup every {minutes} minutes: use 5 to 15, or 0")
    most = min(of.sizes.predict_concurrency, MOST_WARMED)
    if not 1 <= concurrent <= most:
        raise ValueError(f"{of.name}: warmup of {concurrent} at a time: use 1 to {most}")


def _check_models(of: "Deployment") -> None:
    if unknown := of.schedule.rebuilds.keys() - set(of.models):
        raise ValueError(
            f"{of.name}: schedule.rebuilds names {', '.join(sorted(unknown))}: use some of the "
            f"models {', '.join(of.models)}"
        )
    for repository, _ in of.repositories:  # Named as the functions are.
        name = of.named(repository)
        if len(name) > FUNCTION_NAME_CHARACTERS:
            raise ValueError(
                f"{of.name}: function '{name}' has more than {FUNCTION_NAME_CHARACTERS} "
                "characters: shorten the name of the deployment or of the model"
            )


def _check_recovery(of: "Deployment") -> None:
    if of.recovery is None:
        return
    region, network = of.recovery.region, of.recovery.network
    if not _REGION.fullmatch(region):
        raise ValueError(f"{of.name}: recovery.region '{region}': name one as eu-central-1")
    if region == of.region:
        raise ValueError(f"{of.name}: recovery.region {region} is its own: name another")
    if network == of.network:
        raise ValueError(
            f"{of.name}: recovery.network {network} is its own: name another, so that both may be "
            "reached at once"
        )
    _ = of.standby  # Whose names are longer, and checked as these are.
