"""A stage for releases: one lake and one database, and a model for each test to act with."""

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hindcast import bootstrap, cli, names, project
from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.data import training_set
from hindcast.data.ingest import IngestReport, ingest
from hindcast.data.refresh import refresh
from hindcast.definitions import Gate
from hindcast.demo import generate, loans
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.models import register
from hindcast.models.evaluation.evaluate import EvaluationReport, evaluate
from hindcast.models.registry.registry import ModelRegistry, open_registry
from hindcast.models.training import train as training
from hindcast.models.training.train import TrainReport
from hindcast.releases import contents, folder
from hindcast.releases.contents import ReleaseContents
from hindcast.serving.release import PLAN
from hindcast.settings import Settings

AS_OF, NOW = datetime(2021, 9, 17, tzinfo=UTC), datetime(2021, 9, 20, tzinfo=UTC)
CUSTOMERS, SEED = 800, 3
# Often enough that a weak model is told from a good one on 800 customers.
OVERDUE_RATE = 0.05

# Risk falls with income, which a line cannot see where the two halves of it are swapped, and the
# simple baseline is a line: trees are the better model whatever the seed.
DEFINITIONS = """
from hindcast import project
from hindcast.definitions import Feature, FeatureView, Gate, Model, days, latest, prior

loans = project.read().source("loans")
folded = "amt_income_total + case when amt_income_total < 150000 then 150000 else -150000 end"
history = FeatureView("history", loans, entity=loans.first, features=[
    Feature("folded_income", folded, over=latest()),
    Feature("average", "avg(loan_amount)", over=prior()),
    Feature("recent", "count(*)", over=prior(days=90)),
    Feature("children", "cnt_children", over=latest()),
    Feature("work_phone", "flag_work_phone", over=latest()),
    Feature("owns_home", "flag_own_realty = 'Y'", over=latest()),
])


def trees(seed):
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    forest = RandomForestClassifier(n_estimators=10, max_depth=5, random_state=seed)
    return make_pipeline(SimpleImputer(strategy="median"), forest)


MODEL = Model(
    "MODEL", history[["folded_income", "average", "recent"]], "loans.status", days(60), trees,
    threshold=0.2, slices=["owns_home"], seed=1, gate=Gate(latency_ms=1000),
)
"""
# Kinds of releases: which features, and the seed. Who is called weak reads what says nothing.
GOOD, OTHER, WEAK = "good", "other", "weak"
FEATURES = ("folded_income", "average", "recent")
KINDS = {GOOD: (FEATURES, 1), OTHER: (FEATURES, 2), WEAK: (("children", "work_phone"), 1)}


@dataclass(frozen=True)
class Stage:
    """Where the tests of a module act; the lake holds the loans."""

    home: Path
    url: str
    trained: dict[str, ReleaseContents] = field(default_factory=dict, repr=False)

    @property
    def loans(self) -> Path:
        return self.home / "loans.csv"

    def settings(self, model: str) -> Settings:
        """Settings of a project of one model, which has a releases folder of its own."""
        place = self.home / model
        declared = place / "project" / "definitions.py"
        if not declared.is_file():
            declared.parent.mkdir(parents=True)
            declared.write_text(DEFINITIONS.replace("MODEL", model))
        return Settings(
            home=place,
            lake=str(self.home / "lake"),
            releases=str(place / "releases"),
            project=declared.parent,
            database_url=self.url,
        )

    def application(self, model: str, gate: Gate | None = None, **changes: Any) -> Application:
        """An application of one model, with fields of its definition changed."""
        settings = self.settings(model)
        loaded = project.load(settings.project)
        if gate is not None:
            changes["gate"] = gate
        declared = replace(loaded.model(), **changes)
        return Application(settings, replace(loaded, models={model: declared}))

    def of_kind(self, kind: str) -> dict[str, Any]:
        """Which fields of a model's definition make its releases of this kind."""
        features, seed = KINDS[kind]
        view = project.load(self.settings("trained").project).model().service.views[0]
        return {"features": view[features], "seed": seed}

    def ingest(self, application: Application) -> IngestReport:
        source = application.project.source()
        return ingest(self.loans, source, application.lake, application.ledger, NOW)

    def written(self, application: Application, kind: str = GOOD) -> Path:
        """A release folder of the application's model that nobody was told of.

        Each kind is trained once, and released again under the model's name.
        """
        if kind not in self.trained:
            report = train_only(self.application("trained", **self.of_kind(kind)))
            self.trained[kind] = contents.read(Path(report.folder))
        return _again(application, self.trained[kind])

    def release(self, application: Application, kind: str = GOOD) -> str:
        """The id of a release that is recorded everywhere."""
        return register.register(application, self.written(application, kind)).release

    def twin(self, application: Application, release: str) -> str:
        """The id of another release that differs in nothing but the name of its code."""
        found = contents.read(application.release_folder(release))
        path = _again(application, found, code_revision="another")
        return register.register(application, path).release


@contextmanager
def opened(url: str) -> Iterator[Stage]:
    """A stage whose lake holds generated loans; goes with all that is on it."""
    with tempfile.TemporaryDirectory(prefix="hindcast-stage-") as place:
        stage = Stage(Path(place), url)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loans, "OVERDUE_RATE", OVERDUE_RATE)
            generate.generate(stage.loans, CUSTOMERS, SEED)
        first = stage.application("first")
        stage.ingest(first)
        # Every model of the stage reads one version of one view.
        refresh(first, None, DuckDBEngine(), Knowledge(NOW, NOW))
        yield stage


def model_name(test: str) -> str:
    """The name of the model that a test, by its own name, acts with."""
    return f"m{hashlib.sha256(test.encode()).hexdigest()[:8]}"


def train_only(application: Application) -> TrainReport:
    """Train and write the folder, and tell nobody."""
    model, clocks = application.project.model(), Knowledge(NOW, NOW)
    data = training_set.of(model, application.project, DuckDBEngine(), application.lake, clocks)
    return training.release(model, data, application.settings.releases, "test")


def judge(application: Application, name: str | None = None, **clocks: str) -> EvaluationReport:
    """Evaluate a release, by default the newest."""
    given = bootstrap.knowledge(clocks["as_of"], clocks["known_by"], NOW) if clocks else None
    return evaluate(application, None, name, DuckDBEngine(), given)


def registry(application: Application) -> ModelRegistry:
    """MLflow as the application's releases are logged to it."""
    return open_registry(application.database_url, application.settings.releases)


def aliases(application: Application) -> dict[str, str]:
    """MLflow's aliases of the application's model, and the releases they point to."""
    name = application.project.model().name
    releases = {version: id_ for id_, version in registry(application).releases(name).items()}
    found = registry(application)._client.get_registered_model(name).aliases
    return {alias: releases[int(version)] for alias, version in found.items()}


def page(application: Application, release: str) -> str:
    """The model card of a release."""
    return folder.card(application.release_folder(release)).read_text()


def spoil(application: Application, release: str, name: str = "model.onnx") -> None:
    """Change one byte of a released file."""
    path = application.release_folder(release) / name
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


@dataclass(frozen=True)
class Shell:
    """Types commands about one application, in this process."""

    patch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    settings: Settings

    @property
    def places(self) -> tuple[str, ...]:
        """The options that name home and project."""
        return "--home", str(self.settings.home), "--project", str(self.settings.project)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that name database and lake."""
        url = str(self.settings.database_url)
        return {names.ENV_DATABASE_URL: url, names.ENV_LAKE: self.settings.lake}

    def run(self, *words: str) -> tuple[int, str, str]:
        """A command's exit code and what it wrote to stdout and stderr."""
        for name, value in self.environment.items():
            self.patch.setenv(name, value)
        self.patch.setattr(sys, "argv", ["hindcast", *words, *self.places])
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        assert isinstance(code, int)
        return code, *self.capsys.readouterr()

    def json(self, *words: str, code: int = 0) -> Any:
        """The document that a command prints, which ends with that exit code."""
        found, out, err = self.run(*words, "--json")
        assert found == code, err
        return json.loads(out)


def _again(application: Application, release: ReleaseContents, **changes: Any) -> Path:
    """The folder of a release once more, under the application's model and with other facts."""
    name = application.project.model().name
    plan = {**json.loads(release.files[PLAN]), "model": name}
    files = {**release.files, PLAN: folder.json_bytes(plan)}
    manifest = {key: value for key, value in release.manifest.items() if key != "files"}
    return folder.write(
        application.settings.releases, {**manifest, "model": name, **changes}, files
    )
