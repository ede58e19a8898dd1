"""No release is lost: ledger, MLflow and cards learn of it, whatever was away or killed."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.data.ingest import ingest
from hindcast.data.refresh import refresh
from hindcast.definitions import days
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import HindcastError, InputError, StoreUnavailableError, TrainingError
from hindcast.models import promote, register
from hindcast.models.training import train as training
from hindcast.operations import status
from hindcast.releases import contents, folder
from hindcast.stores.ledger import Run
from tests.integration import lifecycle
from tests.integration.crashes import run_until_killed
from tests.integration.lifecycle import (
    GOOD,
    NOW,
    OTHER,
    WEAK,
    Shell,
    Stage,
    aliases,
    judge,
    page,
    registry,
    train_only,
)

CLOCKS = ("--as-of", "2021-09-17", "--known-by", "2021-09-20")
RENAME, ADD = "hindcast.releases.folder:_rename", "hindcast.stores.ledger.ledger:Ledger.add_release"
PROMOTE = "hindcast.stores.ledger.ledger:Ledger.promote"


@pytest.fixture
def application(stage: Stage, request: pytest.FixtureRequest) -> Application:
    """One model of the test's own."""
    return stage.application(lifecycle.model_name(request.node.name))


@pytest.fixture
def shell(
    application: Application, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(monkeypatch, capsys, application.settings)


def recorded_in(application: Application) -> tuple[list[str], list[str], list[str]]:
    """Which releases the ledger, MLflow and the cards have, the oldest first."""
    name = application.project.model().name
    known = [record.release for record in reversed(application.ledger.releases(name))]
    root = Path(application.settings.releases)
    return (
        known,
        list(registry(application).releases(name)),
        sorted(p.stem for p in root.glob("*.html")),
    )


def differing(application: Application) -> dict[str, list[Any]]:
    """The files in which the stored releases differ, as each has them."""
    stored = folder.stored(Path(application.settings.releases))
    names_ = sorted(path.name for path in stored[0].iterdir())
    each = {name: [(one / name).read_bytes() for one in stored] for name in names_}
    return {name: found for name, found in each.items() if len(set(found)) > 1}


def train(application: Application) -> training.TrainReport:
    return training.train(application, None, DuckDBEngine(), Knowledge(NOW, NOW))


def newest_run(application: Application, kind: str) -> Run:
    (run,) = application.ledger.runs(kind=kind, limit=1)
    return run


def test_a_folder_that_nobody_recorded_is_found(application: Application) -> None:
    release = train_only(application).release
    assert recorded_in(application) == ([], [], [])
    (listed,) = status.releases(application, None)
    assert recorded_in(application) == ([release], [release], [release])
    assert (listed["release"], listed["version"]) == (release, 1)
    assert listed["state"] == "not evaluated"
    assert Path(listed["card"]).is_file()
    assert register.catch_up(application) == []


def test_what_other_tools_left_is_no_release(stage: Stage, application: Application) -> None:
    root = Path(application.settings.releases)
    release = stage.release(application)
    shutil.copytree(root / release, root / ".partial-x1")
    (root / "notes").mkdir()
    (root / "manifest.json").write_text("{}")
    assert (root / "mlflow").is_dir()
    assert folder.stored(Path(application.settings.releases)) == [root / release]
    assert register.catch_up(application) == []


def test_a_broken_folder_that_nobody_recorded_is_refused_by_name(
    stage: Stage, application: Application
) -> None:
    path = stage.written(application)
    path.rename(path.with_name(f"m-{'0' * 64}"))
    with pytest.raises(
        HindcastError, match=f"release m-0+: manifest.json belongs to .*{path.name}"
    ):
        register.catch_up(application)


@pytest.mark.parametrize(
    ("place", "known"),
    [
        ("hindcast.stores.ledger.runs.end", False),
        ("hindcast.stores.ledger.Ledger.add_release", False),
        ("hindcast.models.registry.registry.ModelRegistry.log", True),
        ("hindcast.models.registry.registry.ModelRegistry.point", True),
    ],
)
def test_an_outage_at_the_end_of_training_loses_no_release(
    application: Application, monkeypatch: pytest.MonkeyPatch, place: str, known: bool
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise StoreUnavailableError("Postgres: gone")

    root = Path(application.settings.releases)
    with monkeypatch.context() as patch:
        patch.setattr(place, away)
        with pytest.raises(StoreUnavailableError, match="Postgres: gone") as caught:
            train(application)
    (path,) = folder.stored(root)
    assert str(caught.value).startswith(f"release {path.name} is written in {path}, but ")
    assert str(caught.value).endswith("hindcast releases records it once the database answers")
    assert recorded_in(application)[0] == ([path.name] if known else [])
    register.catch_up(application)
    assert recorded_in(application) == ([path.name],) * 3
    assert aliases(application) == {"challenger": path.name}


def test_several_releases_that_mlflow_was_not_told_of_are_caught_up(
    stage: Stage, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And until then the one that it knows can be promoted."""
    first = stage.release(application)

    def away(*_: Any) -> None:
        raise StoreUnavailableError("the MLflow store: gone")

    with monkeypatch.context() as patch:
        patch.setattr("hindcast.models.registry.registry.ModelRegistry.log", away)
        for kind in (OTHER, WEAK):
            with pytest.raises(StoreUnavailableError):
                stage.release(application, kind)
    register.refresh(application, application.project.model().name)
    assert aliases(application) == {}
    releases = [record["release"] for record in status.releases(application, None)]
    assert set(recorded_in(application)[1]) == set(releases)
    assert releases[-1] == first
    assert aliases(application) == {"challenger": releases[0]}


def test_aliases_and_cards_follow_each_promotion_and_rollback(
    stage: Stage, application: Application
) -> None:
    first, other = stage.release(application), stage.release(application, OTHER)
    assert aliases(application) == {"challenger": other}
    assert "not evaluated" in page(application, first)
    assert "Never promoted" in page(application, first)
    assert judge(application, first).passed
    assert "passed its gate" in page(application, first)
    promote.promote(application, None, first)
    assert aliases(application) == {"champion": first, "challenger": other}
    promote.promote(application, None, other, force=True, reason="<b>quarter</b> end")
    assert aliases(application) == {"champion": other}
    assert "was champion" in page(application, first)
    assert "&lt;b&gt;quarter&lt;/b&gt; end" in page(application, other)
    promote.rollback(application, None)
    assert aliases(application) == {"champion": first, "challenger": other}
    assert "rollback" in page(application, first)
    states = {each["release"]: each["state"] for each in status.releases(application, None)}
    assert states == {first: "champion", other: "was champion"}


def test_a_card_that_is_gone_is_written_again_and_one_that_says_it_already_is_left(
    stage: Stage, application: Application
) -> None:
    first, other = stage.release(application), stage.release(application, OTHER)
    gone, there = (folder.card(application.release_folder(name)) for name in (first, other))
    gone.unlink()
    before = there.stat()
    register.catch_up(application)
    assert "not evaluated" in gone.read_text()
    assert there.stat().st_ino == before.st_ino


def test_every_use_case_is_a_run_with_what_went_in_and_came_out(
    stage: Stage, application: Application
) -> None:
    raw = {"raw/loans": {"version": newest_version(application)}}
    stage.ingest(application)
    run = newest_run(application, "ingest")
    assert run.inputs["file"]["name"] == "loans.csv"
    assert run.outputs["digest"] == run.inputs["file"]["digest"]
    assert run.outputs["already_ingested"]
    [report] = refresh(application, None, DuckDBEngine(), Knowledge(NOW, NOW)).views
    run = newest_run(application, "materialize")
    assert (run.id, run.inputs, run.outputs["entities"]) == (report.run_id, raw, report.entities)
    trained = train(application)
    run = newest_run(application, "train")
    assert (run.inputs, run.outputs["release"]) == (raw, trained.release)
    assert application.ledger.releases(application.project.model().name)[0].run_id == run.id
    verdict = judge(application)
    run = newest_run(application, "evaluate")
    assert run.inputs == raw
    assert run.outputs == {"evaluation": verdict.evaluation, "passed": True}
    made = promote.promote(application, None, trained.release)
    run = newest_run(application, "promote")
    assert run.outputs == {"promotion": made.number}
    assert run.parameters["replaces"] is None
    assert run.status == "succeeded"


def newest_version(application: Application) -> int:
    return int(application.lake.open("raw", "loans", fix="").version())


def test_failures_are_recorded_with_their_reason(stage: Stage, application: Application) -> None:
    missing = stage.home / "missing.csv"
    with pytest.raises(InputError) as no_file:
        ingest(missing, application.project.source(), application.lake, application.ledger, NOW)
    before = datetime(1990, 1, 1, tzinfo=UTC)
    with pytest.raises(InputError) as no_event:
        refresh(application, None, DuckDBEngine(), Knowledge(before, NOW))
    patient = stage.application(application.project.model().name, label_matures=days(9_999))
    with pytest.raises(TrainingError) as no_rows:
        train(patient)
    for kind, caught in (("ingest", no_file), ("materialize", no_event), ("train", no_rows)):
        run = newest_run(application, kind)
        assert (run.status, run.error) == ("failed", str(caught.value))
    failures = status.status(application, NOW)["latest failures"]
    assert [failure["error"] for failure in failures] == [
        str(caught.value) for caught in (no_rows, no_event, no_file)
    ]


@pytest.mark.parametrize(
    ("crash", "written", "run"),
    [
        # Between the ledger and MLflow, an outage leaves what a kill would.
        (f"before {RENAME} 1", False, "unfinished"),
        (f"before {ADD} 1", True, "succeeded"),
    ],
)
def test_a_training_that_is_killed_is_completed_by_another(
    application: Application, shell: Shell, crash: str, written: bool, run: str
) -> None:
    run_until_killed(crash, "train", *CLOCKS, *shell.places, **shell.environment)
    stored = folder.stored(Path(application.settings.releases))
    assert len(stored) == written
    for path in stored:
        contents.read(path)
    assert recorded_in(application) == ([], [], [])
    assert newest_run(application, "train").status == run
    report = shell.json("train", *CLOCKS)
    assert report["gate"] == "passed"
    assert differing(application) == {}
    assert recorded_in(application) == ([report["release"]],) * 3
    assert aliases(application) == {"champion": report["release"]}
    ended = "interrupted" if run == "unfinished" else run  # By the one after it.
    assert [each.status for each in application.ledger.runs(kind="train", limit=2)] == [
        "succeeded",
        ended,
    ]


@pytest.mark.parametrize(
    ("crash", "promoted", "run"),
    [
        (f"before {PROMOTE} 1", False, "unfinished"),
        (f"after {PROMOTE} 1", True, "unfinished"),
        ("before hindcast.models.register:refresh_after 1", True, "succeeded"),
    ],
)
def test_a_promotion_that_is_killed_is_completed_by_another(
    stage: Stage, application: Application, shell: Shell, crash: str, promoted: bool, run: str
) -> None:
    release = stage.release(application, GOOD)
    command = ("promote", release, "--force", "--reason", "none")
    run_until_killed(crash, *command, *shell.places, **shell.environment)
    champion = application.ledger.champion(application.project.model().name)
    assert (champion is not None) == promoted
    assert newest_run(application, "promote").status == run
    assert aliases(application) == {"challenger": release}
    code, _, err = shell.run(*command)
    expected = f"hindcast: release {release} is in production already\n" if promoted else ""
    assert (code, err) == (2 if promoted else 0, expected)
    assert aliases(application) == {"champion": release}
    assert application.champion(application.project.model().name).release == release
    assert ">none<" in page(application, release)
