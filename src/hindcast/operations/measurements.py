"""How old features and models are, as the metrics that alarms watch.

A metric is the age of the oldest view, or model. Where one was never materialized, or promoted,
nothing is published: any number would look well, and the metric's alarm takes silence for a fault.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.errors import HindcastError, InputError, NotFoundError, first_line
from hindcast.instants import instant
from hindcast.stores import aws

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Measured:
    """The values that were published, and for each metric that was not, why; both by metric."""

    published: Mapping[str, float]
    missing: Mapping[str, str]


def measure(application: Application, now: datetime) -> Measured:
    """Publish the ages at an instant; one that cannot be told does not stop the other.

    Raises InputError without a deployment's name or where CloudWatch refuses, and
    StoreUnavailableError when it does not answer.
    """
    deployment = application.settings.deployment
    if deployment is None:
        raise InputError(f"{names.ENV_DEPLOYMENT} is not set: it says whose the metrics are")
    published: dict[str, float] = {}
    missing: dict[str, str] = {}
    for metric, age in AGES.items():
        try:
            published[metric] = age(application, now)
        except HindcastError as error:
            missing[metric] = first_line(error)
    if published:
        _publish(deployment, published, now)
    return Measured(published, missing)


def feature_age(application: Application, now: datetime) -> float:
    """Hours since the instant of the oldest features that the project declares or a champion reads.

    Raises NotFoundError for those that are not online, or where there are none.
    """
    online = {of.definition_hash: s.as_of for of, s in application.store.materialized().items()}
    wanted = _wanted(application)
    missing = [what for digest, what in wanted.items() if digest not in online]
    if missing:
        raise NotFoundError(f"never materialized: {', '.join(missing)}")
    return _oldest(now - online[digest] for digest in wanted) / HOUR


def model_age(application: Application, now: datetime) -> float:
    """Days since the instant that the oldest champion was trained as of; raises NotFoundError.

    Not since its promotion: a rollback makes no model younger.
    """
    return _oldest(_model_age(application, name, now) for name in application.project.models) / DAY


AGES: Mapping[str, Callable[[Application, datetime], float]] = {
    names.METRIC_FEATURE_AGE: feature_age,
    names.METRIC_MODEL_AGE: model_age,
}


def _wanted(application: Application) -> dict[str, str]:
    """What is to be online, by the hash of its definition."""
    project, ledger = application.project, application.ledger
    found = {view.definition_hash: f"view '{name}'" for name, view in project.views.items()}
    for promotion in filter(None, map(ledger.champion, project.models)):
        record = ledger.find_release(promotion.model, promotion.release)
        for view, digest in record.manifest["views"].items():
            found.setdefault(digest, f"what release {record.release} reads of '{view}'")
    return found


def _model_age(application: Application, model: str, now: datetime) -> timedelta:
    champion = application.champion(model)
    record = application.ledger.find_release(model, champion.release)
    return now - instant(record.manifest["as_of"], "as_of")


def _oldest(ages: Iterable[timedelta]) -> timedelta:
    found = list(ages)
    if not found:
        raise NotFoundError("the project declares none")
    return max(found)


def _publish(deployment: str, values: Mapping[str, float], now: datetime) -> None:
    whose = [{"Name": names.METRIC_DIMENSION, "Value": deployment}]
    data = [
        {"MetricName": name, "Dimensions": whose, "Timestamp": now, "Value": value}
        for name, value in values.items()
    ]
    with aws.one_error(f"metrics of {deployment}"):
        aws.client("cloudwatch").put_metric_data(Namespace=names.METRICS, MetricData=data)
