"""How old features and models are, as the metrics that alarms watch: one of each view and model.

Where a view was never materialized, or no release of a model promoted, nothing is published of it:
any number would look well, and the metric's alarm takes silence for a fault.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.errors import HindcastError, InputError, NotFoundError, first_line
from hindcast.instants import instant
from hindcast.stores import aws
from hindcast.stores.ledger import ReleaseRecord

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Measured:
    """What was published, and what was not and why; by metric and by the view's or model's name."""

    published: Mapping[str, Mapping[str, float]]
    missing: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Age:
    """A metric of each of some subjects, whose kind is the metric's dimension."""

    metric: str
    kind: str
    subjects: Callable[[Application], Iterable[str]]
    of: Callable[[Application, str, datetime], float]


def measure(application: Application, now: datetime) -> Measured:
    """Publish the ages at an instant; one that cannot be told does not stop the others.

    Raises InputError without a deployment's name or where CloudWatch refuses, and
    StoreUnavailableError when it, or the ledger, does not answer.
    """
    deployment = application.settings.deployment
    if deployment is None:
        raise InputError(f"{names.ENV_DEPLOYMENT} is not set: it says whose the metrics are")
    published: dict[str, dict[str, float]] = {}
    missing: dict[str, dict[str, str]] = {}
    for age in AGES:
        for subject in age.subjects(application):
            try:
                published.setdefault(age.metric, {})[subject] = age.of(application, subject, now)
            except HindcastError as error:
                missing.setdefault(age.metric, {})[subject] = first_line(error)
    _publish(deployment, list(_data(deployment, published, now)))
    return Measured({metric: ages for metric, ages in published.items() if ages}, missing)


def tell(application: Application, metric: str, count: int, now: datetime) -> None:
    """Publish how much is wrong with the whole, or 0; of a home nobody has to be told so."""
    deployment = application.settings.deployment
    if deployment is not None:
        dimensions = {names.METRIC_DIMENSION: deployment, names.METRIC_PART: names.ALL_PARTS}
        told = {
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Timestamp": now,
            "Value": count,
        }
        _publish(deployment, [told])


def views(application: Application) -> list[str]:
    """The views that the project declares, and others that a champion still reads."""
    read = (view for record in _champions(application) for view in record.manifest["views"])
    return list(dict.fromkeys([*application.project.views, *read]))


def feature_age(application: Application, view: str, now: datetime) -> float:
    """Hours since the instant of a view's oldest features that are declared or a champion reads.

    Raises NotFoundError for those that are not online.
    """
    online = {of.definition_hash: s.as_of for of, s in application.store.materialized().items()}
    wanted = _versions(application, view)
    missing = [what for digest, what in wanted.items() if digest not in online]
    if missing:
        raise NotFoundError(f"never materialized: {', '.join(missing)}")
    return max(now - online[digest] for digest in wanted) / HOUR


def model_age(application: Application, model: str, now: datetime) -> float:
    """Days since the instant that a model's champion was trained as of; raises NotFoundError.

    Not since its promotion: a rollback makes no model younger.
    """
    champion = application.champion(model)
    record = application.ledger.find_release(model, champion.release)
    return (now - instant(record.manifest["as_of"], "as_of")) / DAY


AGES = (
    Age(names.METRIC_FEATURE_AGE, names.METRIC_VIEW, views, feature_age),
    Age(names.METRIC_MODEL_AGE, names.METRIC_MODEL, lambda of: of.project.models, model_age),
)


def _champions(application: Application) -> Iterator[ReleaseRecord]:
    """The releases in production."""
    for model in application.project.models:
        if (champion := application.ledger.champion(model)) is not None:
            yield application.ledger.find_release(model, champion.release)


def _versions(application: Application, view: str) -> dict[str, str]:
    """What of a view is to be online, by the hash of its definition."""
    declared = application.project.views.get(view)
    found = {declared.definition_hash: f"view '{view}'"} if declared else {}
    for record in _champions(application):
        if digest := record.manifest["views"].get(view):
            found.setdefault(digest, f"what release {record.release} reads of '{view}'")
    return found


def _data(
    deployment: str, published: Mapping[str, Mapping[str, float]], now: datetime
) -> Iterator[dict[str, Any]]:
    whose = {"Name": names.METRIC_DIMENSION, "Value": deployment}
    for age in AGES:
        for subject, value in published.get(age.metric, {}).items():
            yield {
                "MetricName": age.metric,
                "Dimensions": [whose, {"Name": age.kind, "Value": subject}],
                "Timestamp": now,
                "Value": value,
            }


def _publish(deployment: str, data: list[dict[str, Any]]) -> None:
    if data:
        with aws.one_error(f"metrics of {deployment}"):
            aws.client("cloudwatch").put_metric_data(Namespace=names.METRICS, MetricData=data)
