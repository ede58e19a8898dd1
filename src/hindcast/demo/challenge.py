"""The challenge of a champion: a better release under canaries, a weaker one, and a rollback."""

from dataclasses import replace
from functools import partial
from typing import Any

from hindcast import bootstrap
from hindcast.bootstrap import Application
from hindcast.demo import canary, steps
from hindcast.demo.examples import Example
from hindcast.demo.summary import Summary
from hindcast.models import promote
from hindcast.models.evaluation.evaluate import evaluate
from hindcast.telemetry import Progress
from hindcast.traffic import local_stage
from hindcast.traffic.roll_out import PROMOTED, ROLLED_BACK


def run(
    application: Application, summary: Summary, example: Example, url: str, progress: Progress
) -> None:
    """Challenge the default model's champion, which answers at the URL."""
    wider, as_of = canary.with_new_feature(application), example.as_of
    name = wider.project.model().name
    roll_out = partial(canary.roll_out, wider, summary, url, progress)
    summary.run("train a challenger", lambda: steps.train(wider, name, as_of, progress))
    summary.run("evaluate it", lambda: _evaluate(wider, summary, "challenger", progress))
    summary.run("materialize its new feature", lambda: steps.refresh(wider, as_of, progress))
    summary.run("roll it out", lambda: roll_out(canary.IMPATIENT, "0.1 ms", ROLLED_BACK))
    summary.run("roll it out again", lambda: roll_out(canary.USUAL, "500 ms", PROMOTED))
    weak = _weaker(wider)
    summary.run("train a weaker one", lambda: steps.train(weak, name, as_of, progress))
    summary.run("evaluate that", lambda: _evaluate(weak, summary, "weaker one", progress))
    summary.run("roll back", lambda: _roll_back(application))


def _evaluate(
    application: Application, summary: Summary, who: str, progress: Progress
) -> dict[str, Any]:
    verdict = evaluate(application, None, None, bootstrap.engine("duckdb"), progress=progress)
    summary.verdicts[who] = verdict
    return {"release": verdict.release, "against": verdict.champion, "passed": verdict.passed}


def _weaker(application: Application) -> Application:
    """The same project with a model that reads too little to be good."""
    model = application.project.model()
    features = model.service.views[0][["has_work_phone", "flag_own_realty"]]
    models = {**application.project.models, model.name: replace(model, features=features)}
    return Application(application.settings, replace(application.project, models=models))


def _roll_back(application: Application) -> Any:
    stage = local_stage.served(application.settings.home, application.project.model().name)
    return promote.rollback(application, None, stage)
