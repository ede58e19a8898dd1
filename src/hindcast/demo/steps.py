"""The demo's steps, in a home of its own that is made anew."""

import json
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from hindcast import bootstrap
from hindcast.audit import prediction_log
from hindcast.audit.replay import replay as replays
from hindcast.bootstrap import Application
from hindcast.data.ingest import ingest
from hindcast.data.refresh import refresh
from hindcast.definitions import Source
from hindcast.demo import canary, service
from hindcast.demo.generate import generate
from hindcast.demo.summary import Summary
from hindcast.errors import HindcastError, InputError
from hindcast.models import promote
from hindcast.models.evaluation.evaluate import evaluate
from hindcast.models.training import train as training
from hindcast.telemetry import Progress
from hindcast.traffic import local_stage
from hindcast.traffic.roll_out import PROMOTED, ROLLED_BACK

AS_OF = "2021-09-17"
# The first champion knew half a year less than its challenger.
FIRST_AS_OF = "2021-03-17"
ASKED = (5008827, 5008804, 5008805)
MARKER = ".hindcast-demo"


def run(home: Path, engine: str, customers: int, progress: Progress) -> Summary:
    """From a file to answers over HTTP; then canaries, a refusal, a rollback and a replay."""
    application = bootstrap.application(_fresh(home.absolute()), None)
    summary = Summary(engine, application.settings.home)
    file = summary.home / "loans.csv"
    summary.run("generate", lambda: generate(file, customers=customers, seed=0))
    for source in application.project.sources.values():
        summary.run(f"ingest {source.name}", partial(_ingest, application, source, progress))
    summary.run("materialize", lambda: _materialize(application, engine, progress))
    summary.run("train the first release", lambda: _first(application, summary, progress))
    with ExitStack() as stack:
        url = summary.run("serve and ask", lambda: _serve(summary, stack))["url"]
        wider = canary.with_new_feature(application)
        roll_out = partial(canary.roll_out, wider, summary, url, progress)
        summary.run("train a challenger", lambda: _train(wider, AS_OF, progress))
        summary.run("evaluate it", lambda: _evaluate(wider, summary, "challenger", progress))
        summary.run("materialize its new feature", lambda: _refresh(wider, engine, progress))
        summary.run("roll it out", lambda: roll_out(canary.IMPATIENT, "0.1 ms", ROLLED_BACK))
        summary.run("roll it out again", lambda: roll_out(canary.USUAL, "500 ms", PROMOTED))
    weak = _weaker(wider)
    summary.run("train a weaker one", lambda: _train(weak, AS_OF, progress))
    summary.run("evaluate that", lambda: _evaluate(weak, summary, "weaker one", progress))
    summary.run("roll back", lambda: _roll_back(application))
    summary.run("replay", lambda: _replay(application, summary))
    return summary


def _ingest(application: Application, source: Source, progress: Progress) -> Any:
    file = application.settings.home / f"{source.name}.csv"
    return ingest(file, source, application.lake, application.ledger, _now(), progress)


def _materialize(application: Application, engine: str, progress: Progress) -> Any:
    if engine == "spark":
        return _glue_job(application)
    return _refresh(application, engine, progress)


def _refresh(application: Application, engine: str, progress: Progress) -> Any:
    clocks = bootstrap.knowledge(AS_OF, None, _now())
    return refresh(application, None, bootstrap.engine(engine), clocks, progress=progress)


def _glue_job(application: Application) -> dict[str, Any]:
    """Run the Glue entry point as Glue does: a script with arguments, in a process of its own."""
    script = Path(__file__).parents[3] / "glue_jobs" / "refresh_features.py"
    if not script.is_file():
        raise InputError("--engine spark runs glue_jobs/refresh_features.py; use a checkout")
    arguments = {
        "JOB_NAME": "refresh-features",
        "lake": application.settings.lake,
        "releases": application.settings.releases,
        "database_url": application.database_url,
        "as_of": AS_OF,
    }
    command = [sys.executable, str(script)]
    command += [part for name, value in arguments.items() for part in (f"--{name}", value)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HindcastError(f"the Glue job failed: {done.stderr.strip().splitlines()[-1]}")
    report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return report


def _train(application: Application, as_of: str, progress: Progress) -> Any:
    clocks = bootstrap.knowledge(as_of, None, _now())
    return training.train(application, None, bootstrap.engine("duckdb"), clocks, progress)


def _first(application: Application, summary: Summary, progress: Progress) -> Any:
    report = _train(application, FIRST_AS_OF, progress)
    engine = bootstrap.engine("duckdb")
    verdict = promote.admit_first(application, None, report.release, engine, progress)
    if verdict is None or not verdict.passed:
        raise HindcastError(f"the demo's first release {report.release} did not pass its gate")
    summary.verdicts["first release"] = verdict
    return report


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


def _serve(summary: Summary, stack: ExitStack) -> dict[str, str]:
    """Start the service, which goes on until the stack ends, and ask it."""
    url = stack.enter_context(service.running(summary.home, summary.home / "serve.log"))
    summary.answers += service.ask(url, ASKED)
    return {"asked": f"{len(ASKED)} customers over HTTP", "url": url}


def _replay(application: Application, summary: Summary) -> dict[str, Any]:
    """Collect the service's log and recompute what it answered; each value must be the same."""
    collected = prediction_log.collect([summary.home / "serve.log"], application.lake, _now())
    first = summary.answers[0]["answer"]["prediction_id"]
    one = replays.replay(application, first)
    skew = replays.skew(application, len(ASKED), None)
    return {
        "collected": f"{collected.new} predictions",
        "replayed": f"{first}: {len(one.values)} values, {'all' if one.matches else 'not all'} "
        "as answered",
        "of all": f"{skew.matching} of {skew.predictions} match bit for bit",
    }


def _fresh(home: Path) -> Path:
    """An empty home; only a home that an earlier demo made is emptied."""
    if home.exists() and any(home.iterdir()):
        if not (home / MARKER).is_file():
            raise InputError(f"--home {home}: not empty and not a demo's; name another folder")
        from hindcast.stores import embedded_postgres

        if (home / "postgres" / "postmaster.pid").exists():  # A killed demo left it running.
            embedded_postgres.server_url(home / "postgres")
            embedded_postgres.stop(home / "postgres")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / MARKER).touch()
    return home


def _now() -> datetime:
    return datetime.now(UTC)
