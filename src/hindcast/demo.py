"""The demo: the main job on synthetic loans, from a file to predictions over HTTP."""

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from hindcast import bootstrap, names
from hindcast.bootstrap import Application
from hindcast.errors import HindcastError, InputError
from hindcast.generate import generate
from hindcast.ingest import ingest
from hindcast.materialize import materialize
from hindcast.telemetry import Progress
from hindcast.training import use_case

AS_OF = "2021-09-17"
ASKED = (5008827, 5008804, 5008805)
MARKER = ".hindcast-demo"
T = TypeVar("T")


@dataclass
class Summary:
    """What the demo did: reports by step, seconds by step, answers, and where things lie."""

    engine: str
    home: Path
    seconds: dict[str, float] = field(default_factory=dict)
    reports: dict[str, Any] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)

    def run(self, step: str, work: Callable[[], T]) -> T:
        """Do one step and keep its report and its time."""
        started = time.perf_counter()
        result = work()
        self.seconds[step] = round(time.perf_counter() - started, 2)
        self.reports[step] = result
        return result


def run(home: Path, engine: str, customers: int, progress: Progress) -> Summary:
    """Generate, ingest, materialize, train, serve, ask; in a home of its own, made anew."""
    application = bootstrap.application(_fresh(home.absolute()), None)
    summary = Summary(engine, application.settings.home)
    file = application.settings.home / "loans.csv"
    summary.run("generate", lambda: generate(file, customers=customers, seed=0))
    source = application.project.source()
    summary.run("ingest", lambda: ingest(file, source, application.lake, _now(), progress))
    summary.run("materialize", lambda: _materialize(application, engine, progress))
    summary.run(
        "train", lambda: use_case.train(application, None, "duckdb", None, None, _now(), progress)
    )
    summary.run("serve and ask", lambda: _ask(application, summary))
    return summary


def _materialize(application: Application, engine: str, progress: Progress) -> Any:
    if engine == "spark":
        return _glue_job(application)
    clocks = bootstrap.knowledge(AS_OF, None, _now())
    return materialize(
        application.project.view(), bootstrap.engine(engine), application.lake, application.store,
        clocks, progress=progress,
    )  # fmt: skip


def _glue_job(application: Application) -> dict[str, Any]:
    """Run the Glue entry point as Glue does: a script with arguments, in a process of its own."""
    script = Path(__file__).parents[2] / "glue_jobs" / "refresh_features.py"
    if not script.is_file():
        raise InputError("--engine spark runs glue_jobs/refresh_features.py; use a checkout")
    from hindcast import database

    settings = application.settings
    arguments = {
        "JOB_NAME": "refresh-features",
        "lake": settings.lake,
        "database_url": database.url(settings),
        "as_of": AS_OF,
    }
    command = [sys.executable, str(script)]
    command += [part for name, value in arguments.items() for part in (f"--{name}", value)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HindcastError(f"the Glue job failed: {done.stderr.strip().splitlines()[-1]}")
    report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return report


def _ask(application: Application, summary: Summary) -> dict[str, str]:
    with _service(application) as url:
        for key in ASKED:
            answer = _post(f"{url}/predict", {"id": str(key)})
            with urllib.request.urlopen(f"{url}/features/{key}") as response:
                features = json.load(response)["features"]
            summary.answers.append({"answer": answer, "features": features})
        return {"asked": f"{len(ASKED)} customers over HTTP at {url}"}


@contextmanager
def _service(application: Application) -> Iterator[str]:
    """`hindcast serve` in a process of its own, stopped at the end; gives its URL."""
    home = application.settings.home
    command = [sys.executable, "-m", "hindcast", "serve", "--port", "0", "--home", str(home)]
    with (home / "serve.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline() if process.stderr else ""
        if " on http" not in line:
            raise HindcastError(f"hindcast serve did not start: {line.strip()}")
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=30)


def _post(url: str, document: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(document).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


def _fresh(home: Path) -> Path:
    """An empty home; only a home that an earlier demo made is emptied."""
    if home.exists() and any(home.iterdir()):
        if not (home / MARKER).is_file():
            raise InputError(f"--home {home}: not empty and not a demo's; name another folder")
        from hindcast import embedded_postgres

        if (home / "postgres" / "postmaster.pid").exists():  # A killed demo left it running.
            embedded_postgres.server_url(home / "postgres")
            embedded_postgres.stop(home / "postgres")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / MARKER).touch()
    return home


def _now() -> datetime:
    return datetime.now(UTC)


def predictions(summary: Summary) -> list[dict[str, Any]]:
    """A row per field of the answers and per feature, a column per customer."""
    shown = ("prediction", "probability", "release", "features_as_of")
    columns = {
        str(item["answer"]["id"]): {name: item["answer"][name] for name in shown} | item["features"]
        for item in summary.answers
    }
    fields: dict[str, Any] = next(iter(columns.values()), {})
    return [
        {"": field, **{key: column[field] for key, column in columns.items()}} for field in fields
    ]


def places(summary: Summary) -> dict[str, str]:
    """Where everything lies."""
    home = summary.home
    return {
        "loans": str(home / "loans.csv"),
        "raw, quarantine, features": str(home / "lake"),
        "online store": f"Postgres in {home / 'postgres'}, view {names.ONLINE_SCHEMA}.*",
        "releases": str(home / "releases"),
        "prediction log": str(home / "serve.log"),
    }
