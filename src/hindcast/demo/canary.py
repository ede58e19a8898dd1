"""The demo's canaries: one under a limit that no answer keeps, and one under the usual limits."""

from dataclasses import replace

from hindcast.bootstrap import Application
from hindcast.definitions import Feature, FeatureSelection, prior
from hindcast.demo import service
from hindcast.demo.generate import FIRST_CUSTOMER
from hindcast.demo.summary import Summary
from hindcast.errors import HindcastError
from hindcast.telemetry import Progress
from hindcast.traffic import roll_out as roll_outs
from hindcast.traffic.roll_out import Plan
from hindcast.traffic.watch import Alarms

NEW = Feature("max_amount_last_90_days", "max(loan_amount)", over=prior(days=90))
# Between two looks so many requests pass instead of a minute; of 600 in each step, 5% are about 30.
REQUESTS_PER_LOOK = 200
PLAN, USUAL = Plan(looks=3, look_seconds=0), Alarms(requests=10)
IMPATIENT = replace(USUAL, latency_p99_ms=0.1)


def with_new_feature(application: Application) -> Application:
    """The same project with one feature more, which the champion does not read."""
    project = application.project
    model = project.model()
    (before,) = model.service.items
    assert isinstance(before, FeatureSelection)
    view = replace(before.view, features=[*before.view.features, NEW])
    wider = replace(model, features=view[[*before.names, NEW.name]])
    views, models = {**project.declared, view.name: view}, {**project.models, model.name: wider}
    changed = replace(project, declared=views, models=models)
    return Application(application.settings, changed)


def roll_out(
    application: Application,
    summary: Summary,
    url: str,
    progress: Progress,
    alarms: Alarms,
    limit: str,
    expected: str,
) -> dict[str, str]:
    """Roll the challenger out while customers are asked about over HTTP."""
    keys = range(FIRST_CUSTOMER, FIRST_CUSTOMER + REQUESTS_PER_LOOK)
    challenger = summary.verdicts["challenger"]
    report = roll_outs.roll_out(
        application,
        None,
        challenger.release,
        PLAN,
        alarms,
        progress,
        wait=lambda _: service.traffic(url, keys),
    )
    if report.outcome != expected:
        raise HindcastError(f"the demo's canary was {report.outcome}, not {expected}: {report.why}")
    summary.canaries[f"at most {limit}"] = report
    return {"release": report.release, "outcome": report.outcome, "why": report.why or "no alarm"}
