"""Log groups: encrypted, kept as long as the deployment says."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.config import Deployment

RETENTION = {
    30: logs.RetentionDays.ONE_MONTH,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    731: logs.RetentionDays.TWO_YEARS,
}

# But for a stack that never came to be: what it left would be in the way of trying again.
KEPT = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE


def retention(days: int) -> logs.RetentionDays:
    """CloudWatch's word for so many days; raises ValueError for a number it does not offer."""
    if days not in RETENTION:
        raise ValueError(f"log_days {days}: use one of {', '.join(map(str, RETENTION))}")
    return RETENTION[days]


def log_group(
    scope: Construct, id: str, name: str, deployment: Deployment, key: kms.IKey
) -> logs.LogGroup:
    """A log group under the deployment's key; it outlives a protected deployment."""
    return logs.LogGroup(
        scope,
        id,
        log_group_name=name,
        encryption_key=key,
        retention=retention(deployment.log_days),
        removal_policy=removal(deployment),
    )


def removal(deployment: Deployment) -> RemovalPolicy:
    """What becomes of what is stored when its stack is deleted."""
    return KEPT if deployment.protected else RemovalPolicy.DESTROY
