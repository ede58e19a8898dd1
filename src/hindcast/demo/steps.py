"""The steps that every demo has: from files to answers over HTTP that are replayed."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hindcast import bootstrap
from hindcast.audit import prediction_log
from hindcast.audit.replay import replay as replays
from hindcast.bootstrap import Application
from hindcast.data import ingest as data
from hindcast.data.refresh import refresh as refresh_views
from hindcast.definitions import Source
from hindcast.demo import service
from hindcast.demo.examples import Example
from hindcast.demo.summary import Summary
from hindcast.errors import HindcastError, InputError
from hindcast.models import promote
from hindcast.models.training import train as training
from hindcast.telemetry import Progress


def ingest(application: Application, source: Source, progress: Progress) -> Any:
    """Add the file that is named after a source."""
    file = application.settings.home / f"{source.name}.csv"
    return data.ingest(file, source, application.lake, application.ledger, _now(), progress)


def materialize(application: Application, engine: str, as_of: str, progress: Progress) -> Any:
    """Compute every view; with Spark as the Glue job does."""
    if engine == "spark":
        return _glue_job(application, as_of)
    return refresh(application, as_of, progress)


def refresh(application: Application, as_of: str, progress: Progress) -> Any:
    """Compute every view on DuckDB."""
    clocks = bootstrap.knowledge(as_of, None, _now())
    return refresh_views(application, None, bootstrap.engine("duckdb"), clocks, progress=progress)


def _glue_job(application: Application, as_of: str) -> dict[str, Any]:
    """Run the Glue entry point as Glue does: a script with arguments, in a process of its own."""
    script = Path(__file__).parents[3] / "glue_jobs" / "refresh_features.py"
    if not script.is_file():
        raise InputError("--engine spark runs glue_jobs/refresh_features.py; use a checkout")
    arguments = {
        "JOB_NAME": "refresh-features",
        "lake": application.settings.lake,
        "releases": application.settings.releases,
        "database_url": application.database_url,
        "project": str(application.project.folder),
        "as_of": as_of,
    }
    command = [sys.executable, str(script)]
    command += [part for name, value in arguments.items() for part in (f"--{name}", value)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HindcastError(f"the Glue job failed: {done.stderr.strip().splitlines()[-1]}")
    report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return report


def train(application: Application, model: str, as_of: str, progress: Progress) -> Any:
    """Release a model."""
    clocks = bootstrap.knowledge(as_of, None, _now())
    return training.train(application, model, bootstrap.engine("duckdb"), clocks, progress)


def train_first(
    application: Application, summary: Summary, model: str, as_of: str, progress: Progress
) -> Any:
    """Release a model for the first time, which its gate must admit."""
    report, engine = train(application, model, as_of, progress), bootstrap.engine("duckdb")
    verdict = promote.admit_first(application, model, report.release, engine, progress)
    if verdict is None or not verdict.passed:
        raise HindcastError(f"the demo's first release {report.release} did not pass its gate")
    summary.verdicts[f"first {model}"] = verdict
    return report


def serve(
    application: Application, summary: Summary, example: Example, stack: ExitStack
) -> dict[str, str]:
    """Start the service, which goes on until the stack ends, and ask every model."""
    log = summary.home / "serve.log"
    url = stack.enter_context(service.running(example.folder, summary.home, log))
    for model, questions in example.questions.items():
        declared = application.project.models[model]
        summary.answers[model] = [service.ask(url, declared, each) for each in questions]
    models = ", ".join(f"{model} {len(asked)} times" for model, asked in summary.answers.items())
    return {"asked": f"{models}, over HTTP", "url": url}


def predict_then(
    application: Application, model: str, question: Mapping[str, Any], then: str
) -> Any:
    """What the newest release would have answered at an instant in the past."""
    words = [f"{name}={value}" for name, value in question.items()]
    newest, clocks = application.ledger.releases(model)[0], bootstrap.knowledge(then, None, _now())
    return replays.predict_as_of(application, model, words, clocks, newest.release).document


def replay(application: Application, summary: Summary) -> dict[str, Any]:
    """Collect the service's log and recompute what it answered; each value must be the same."""
    collected = prediction_log.collect([summary.home / "serve.log"], application.lake, _now())
    report = {"collected": f"{collected.predictions} predictions"}
    for model, answers in summary.answers.items():
        first = answers[0]["answer"]["prediction_id"]
        one, skew = replays.replay(application, first), replays.skew(application, 3, None, model)
        same = f"{len(one.values)} values, {'all' if one.matches else 'not all'} as answered"
        report[f"{model}, {first}"] = same
        report[f"{model}, of all"] = f"{skew.matching} of {skew.predictions} match bit for bit"
    return report


def _now() -> datetime:
    return datetime.now(UTC)
