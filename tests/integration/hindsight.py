"""A home that was lived in: the example's loans, two releases in turn in production, answers."""

import csv
import io
import json
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pytest
from psycopg import sql

from hindcast import bootstrap, cli, names, project
from hindcast.audit import prediction_log
from hindcast.bootstrap import Application
from hindcast.data import ingest as ingesting
from hindcast.data.ingest import IngestReport
from hindcast.data.refresh import RefreshReport, refresh
from hindcast.demo.generate import FIRST_CUSTOMER, generate
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.models import promote
from hindcast.models.evaluation.evaluate import EvaluationReport, evaluate
from hindcast.models.registry.registry import ModelRegistry, open_registry
from hindcast.models.training import train as training
from hindcast.serving import journal
from hindcast.serving.handler import logger
from hindcast.settings import Settings
from hindcast.stores.database import connect
from hindcast.stores.online import Swap, ViewVersion
from hindcast.traffic import local_stage
from tests import one_view
from tests.integration.service import serve

AS_OF, EARLIER, LATER = "2021-09-17", "2021-06-17", "2021-09-18"
NOW = datetime(2021, 9, 17, 12, tzinfo=UTC)
ANN, BOB = FIRST_CUSTOMER, FIRST_CUSTOMER + 1
CUSTOMERS = tuple(range(ANN, ANN + 40))
SEED = 1

# The example with a model that is fitted at once, and a gate that any release passes.
FAST = """

def build_fast(seed):
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = LogisticRegression(random_state=seed)
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), regression)


import dataclasses

from hindcast.definitions import Gate

credit_risk = dataclasses.replace(credit_risk, estimator=build_fast, gate=Gate(latency_ms=1_000))
"""
LOAN = {
    "loan_id": 9_000_000,
    "id": ANN,
    "code_gender": "F",
    "flag_own_car": "Y",
    "flag_own_realty": "N",
    "cnt_children": 5,
    "amt_income_total": 212_500.5,
    "name_income_type": "Pensioner",
    "name_education_type": "Higher education",
    "name_family_status": "Married",
    "name_housing_type": "With parents",
    "days_birth": -14_000,
    "days_employed": -900,
    "flag_mobil": 1,
    "flag_work_phone": 1,
    "flag_phone": 0,
    "flag_email": 0,
    "occupation_type": "Managers",
    "cnt_fam_members": 7.0,
    "status": 1,
    "birthday": "1970-02-28",
    "job_start_date": "2010-02-28",
    "loan_date": "2021-09-01",
    "loan_amount": "777.123457",
}

Line = dict[str, Any]


@dataclass(frozen=True)
class Home:
    """A folder with lake, releases and project, and its database.

    bucket: the s3:// URI where lake and releases are in place of the folder.
    """

    folder: Path
    database_url: str
    bucket: str | None = None

    @cached_property
    def application(self) -> Application:
        places = Settings(
            home=self.folder,
            lake=f"{self.bucket or self.folder}/lake",
            releases=f"{self.bucket or self.folder}/releases",
            project=self.definitions.parent,
            database_url=self.database_url,
        )
        return Application(places, project.load(places.project))

    @property
    def definitions(self) -> Path:
        return self.folder / "project" / "definitions.py"

    @property
    def registry(self) -> ModelRegistry:
        return open_registry(self.database_url, self.application.settings.releases)

    @property
    def releases(self) -> list[str]:
        """Those of the ledger, the oldest first."""
        return [record.release for record in reversed(self.application.ledger.releases())]

    @property
    def online(self) -> Swap | None:
        """What made the online rows of the project's view what they are."""
        return self.application.store.current(ViewVersion.of(self.application.project.view()))

    def redefine(self, *changes: tuple[str, str]) -> "Home":
        """The home with these texts of its definitions replaced."""
        text = self.definitions.read_text()
        for before, after in changes:
            assert before in text, before
            text = text.replace(before, after)
        self.definitions.write_text(text)
        return Home(self.folder, self.database_url, self.bucket)

    def ingest(self, *loans: Mapping[str, Any], now: datetime = NOW) -> None:
        """Ingest loans like LOAN but for what is given."""
        path = self.folder / "more.csv"
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, [*LOAN, *(set(loans[0]) - set(LOAN))])
            writer.writeheader()
            writer.writerows({**LOAN, **loan} for loan in loans)
        report = ingest(self.application, path, now)
        assert (report.accepted, report.quarantined) == (len(loans), 0), report.reasons

    def materialize(
        self, as_of: str = AS_OF, now: datetime = NOW, engine: str = "duckdb", force: bool = False
    ) -> RefreshReport:
        clocks, runner = bootstrap.knowledge(as_of, None, now), bootstrap.engine(engine)
        return refresh(self.application, None, runner, clocks, force=force)

    def train(
        self, as_of: str, known_by: str | None = None, now: datetime = NOW, per_row: bool = True
    ) -> str:
        """Train and register; the release."""
        clocks = replace(bootstrap.knowledge(as_of, known_by, now), per_row=per_row)
        return training.train(self.application, None, DuckDBEngine(), clocks).release

    def evaluate(self, release: str) -> EvaluationReport:
        return evaluate(self.application, None, release, DuckDBEngine())

    def promote(self, release: str) -> None:
        """Promote a release past its gate, and let the stage follow where there is one."""
        stage = local_stage.served(self.folder, self.application.project.model().name)
        promote.promote(self.application, None, release, force=True, reason="a test", stage=stage)

    def ask(
        self, path: str, body: Any, release: str | None = None, url: str | None = None
    ) -> list[Line]:
        """Let the predict handler answer by a release, by default the newest; the lines it logs.

        url: of the database as somebody else signs in to it.
        """
        folder = self.application.release_folder(release or self.releases[-1])
        stream, handler = io.StringIO(), cast("Any", logger.logger_handler)
        journal.sign(logger, self.application.line_keys)
        with serve(url or self.database_url, folder) as service:
            before = handler.setStream(stream)
            try:
                service.call("POST", path, body)
            finally:
                handler.setStream(before)
                journal.sign(logger, None)
        return [json.loads(line) for line in stream.getvalue().splitlines()]

    def answer(self, *customers: int, release: str | None = None) -> list[Line]:
        """Ask about customers, and collect what was logged."""
        lines = self.ask("/predict/batch", {"ids": list(customers)}, release)
        self.collect(*lines)
        return lines

    def collect(self, *lines: Line) -> None:
        path = self.folder / "serve.log"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        report = prediction_log.collect([path], self.application.lake, NOW)
        assert (report.new, report.quarantined) == (len(lines), 0), report.reasons

    def break_online(self, assignment: str, customer: int = ANN) -> None:
        """Change a customer's online row by hand: by an assignment in SQL."""
        current = self.online
        assert current is not None
        statement = f"UPDATE hindcast.{current.table} SET {assignment} WHERE id = {customer}"
        with connect(self.database_url) as connection:
            assert connection.execute(statement.encode()).rowcount == 1

    def run(self, capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
        """Run a command; its exit code and what it printed."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(names.ENV_DATABASE_URL, self.database_url)
            patch.setenv(names.ENV_PROJECT, str(self.definitions.parent))
            patch.setenv(names.ENV_LAKE, self.application.settings.lake)
            patch.setenv(names.ENV_RELEASES, self.application.settings.releases)
            given = ["hindcast", *map(str, arguments), "--home", str(self.folder)]
            patch.setattr(sys, "argv", given)
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err


def ingest(application: Application, file: Path, now: datetime = NOW) -> IngestReport:
    """Ingest a file of the application's only source, or of the one that it is named after."""
    source = application.project.source_of(file.name)
    return ingesting.ingest(file, source, application.lake, application.ledger, now)


def settle(folder: Path, database_url: str, bucket: str | None = None) -> Home:
    """Ingest and materialize loans, train two releases, promote the one, then the other."""
    home = Home(folder, database_url, bucket)
    one_view.write(home.definitions.parent, FAST)
    generate(folder / "loans.csv", customers=800, seed=SEED)
    ingest(home.application, folder / "loans.csv")
    home.materialize()
    for as_of in (EARLIER, AS_OF):
        home.promote(home.train(as_of))
    return home


def copy(settled: Home, folder: Path, database_url: str) -> Home:
    """The files of a home as it was once settled."""
    shutil.copytree(settled.folder, folder, dirs_exist_ok=True)
    return Home(folder, database_url)


@contextmanager
def database(server: str, name: str, like: str | None = None) -> Iterator[str]:
    """A database that is gone in the end, with what is in that of another URL; its URL."""
    template = _name(like) if like else "template1"
    create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    with connect(server, autocommit=True) as connection:
        if like:  # MLflow keeps connections open, and a template must not be in use.
            stop = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(stop, [template])
        connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        try:
            yield server.replace(f":///{_name(server)}?", f":///{name}?")
        finally:
            gone = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(gone.format(sql.Identifier(name)))


def _name(url: str) -> str:
    return url.partition(":///")[2].partition("?")[0]
