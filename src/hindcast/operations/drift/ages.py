"""How old the features that a model reads are, and how old the model is."""

from datetime import timedelta

from hindcast.errors import NotFoundError
from hindcast.operations import measurements
from hindcast.operations.drift.examination import Examination
from hindcast.operations.drift.findings import Found, Measurement, Unjudged

# So many refreshes may be missed before features are too old.
REFRESHES = 2
HOUR_MICROS = timedelta(hours=1) / timedelta(microseconds=1)


def examine(of: Examination) -> Found:
    """Ages at the end of the window; only a view that says when it is refreshed has a limit."""
    application, until = of.application, of.window.until
    found, unjudged = [], []
    for view in of.release.service.views:
        name, schedule = view.view.name, view.view.schedule
        limit = None if schedule is None else REFRESHES * schedule.period / HOUR_MICROS
        try:
            hours = measurements.feature_age(application, name, until)
        except NotFoundError as error:
            unjudged.append(Unjudged(f"age of {name}", str(error)))
        else:
            found.append(_measurement(name, "feature age in hours", hours, limit))
    days = measurements.model_age(application, of.model.name, until)
    found.append(_measurement(of.model.name, "model age in days", days, None))
    return Found(tuple(found), tuple(unjudged))


def _measurement(name: str, statistic: str, value: float, limit: float | None) -> Measurement:
    return Measurement(
        kind="age",
        name=name,
        slice=None,
        population="served",
        statistic=statistic,
        value=value,
        limit=limit,
        p_value=None,
        reference_rows=0,
        current_rows=0,
    )
