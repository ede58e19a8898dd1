"""Champion against challenger on the same rows: what is compared, refused, kept and told."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from hindcast import project
from hindcast.bootstrap import Application
from hindcast.definitions import Gate, days
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import (
    InputError,
    NotFoundError,
    StoreUnavailableError,
    TrainingError,
)
from hindcast.models import promote
from hindcast.models.evaluation.evaluate import EvaluationReport
from hindcast.stores.ledger import Evaluation
from tests.integration import lifecycle
from tests.integration.lifecycle import (
    NOW,
    OTHER,
    WEAK,
    Stage,
    aliases,
    judge,
    page,
    train_only,
)

LOSS = "no significant loss against the champion"
LATENCY = "latency, 99th percentile of a row"


@pytest.fixture
def application(stage: Stage, request: pytest.FixtureRequest) -> Application:
    """One model of the test's own, with a champion."""
    made = stage.application(lifecycle.model_name(request.node.name))
    champion = stage.release(made)
    promote.promote(made, None, champion, force=True, reason="first")
    return made


def champion_of(application: Application) -> str:
    return application.champion(application.project.model().name).release


def kept(application: Application, report: EvaluationReport) -> Evaluation:
    """The evaluation as the ledger has it."""
    name = application.project.model().name
    found = application.ledger.last_evaluation(name, report.release)
    assert found is not None
    assert found.number == report.evaluation
    return found


def checks(report: EvaluationReport) -> dict[str, tuple[bool | None, str]]:
    return {check.name: (check.passed, check.found) for check in report.checks}


def test_both_are_judged_on_the_challengers_rows_and_the_intervals_are_shown(
    stage: Stage, application: Application
) -> None:
    challenger = stage.release(application, OTHER)
    report = judge(application)
    assert (report.release, report.version) == (challenger, 2)
    assert report.champion == champion_of(application)
    assert report.passed
    released = application.ledger.find_release(application.project.model().name, challenger)
    verdict, own = kept(application, report), released.metrics["holdout"]
    for metric in ("rows", "positives", "roc_auc", "brier"):
        assert verdict.verdict["holdout"][metric] == pytest.approx(own[metric], rel=1e-4)
    assert verdict.as_of.isoformat() == released.manifest["as_of"]
    assert verdict.known_by.isoformat() == released.manifest["known_by"]
    passed, found = checks(report)[LOSS]
    assert passed
    number = r"[+-]0\.\d{4}"
    shown = rf"roc_auc {number} \[{number}, {number}\] against {report.champion}"
    assert re.fullmatch(shown, found), found
    assert found in html.unescape(page(application, challenger))


def test_a_release_against_itself_differs_by_nothing(
    stage: Stage, application: Application
) -> None:
    champion = champion_of(application)
    twin = stage.twin(application, champion)
    report = judge(application, twin)
    expected = f"roc_auc +0.0000 [+0.0000, +0.0000] against {champion}"
    assert checks(report)[LOSS] == (True, expected)


def test_a_weak_challenger_is_refused_by_name_and_the_champion_stays(
    stage: Stage, application: Application
) -> None:
    champion, weak = champion_of(application), stage.release(application, WEAK)
    report = judge(application, weak)
    assert not report.passed
    passed, found = checks(report)[LOSS]
    assert passed is False
    assert champion_of(application) == champion
    verdict = kept(application, report).verdict
    (reason,) = [check for check in verdict["checks"] if check["name"] == LOSS]
    assert (reason["passed"], reason["found"]) == (False, found)
    event = application.ledger.outbox.events("GateRefused")[0]
    assert event.data["release"] == weak
    assert any(failure.startswith(f"{LOSS}: {found}") for failure in event.data["failures"])
    assert "refused by its gate" in page(application, weak)
    assert aliases(application) == {"champion": champion, "challenger": weak}


def test_without_a_champion_there_is_nothing_to_lose(stage: Stage) -> None:
    alone = stage.application("alone")
    report = judge(alone, stage.release(alone, WEAK))
    assert checks(report)[LOSS] == (None, "there is no champion yet")


def test_slices_are_judged_where_they_have_positives_enough(stage: Stage) -> None:
    name = "sliced"
    declared = Gate(slice_minimum={"roc_auc": 0.99}, least_positives=5, latency_ms=1000)
    strict = stage.application(name, gate=declared)
    report = judge(strict, stage.release(strict))
    verdict = kept(strict, report).verdict
    assert set(verdict["slices"]["owns_home"]) == {"true", "false"}
    rows = [part["rows"] for part in verdict["slices"]["owns_home"].values()]
    assert sum(rows) == verdict["holdout"]["rows"]
    names = {f"roc_auc where owns_home is {value}" for value in ("true", "false")}
    assert {key for key, (passed, _) in checks(report).items() if passed is False} == names
    few = stage.application(name, gate=replace(declared, least_positives=10_000))
    again = judge(few)
    assert again.passed
    assert all("too few to judge" in checks(again)[name][1] for name in names)


def test_another_instant_moves_the_holdout(stage: Stage, application: Application) -> None:
    challenger = stage.release(application, OTHER)
    own = kept(application, judge(application, challenger))
    moved = kept(
        application, judge(application, challenger, as_of="2020-09-17", known_by="2021-09-20")
    )
    assert moved.as_of == datetime(2020, 9, 17, tzinfo=UTC)
    assert moved.known_by == NOW
    assert moved.verdict["holdout"]["rows"] < own.verdict["holdout"]["rows"]
    with pytest.raises(TrainingError, match="the training set is empty"):
        judge(application, challenger, as_of="2021-09-17", known_by="2021-09-19")
    (failed,) = application.ledger.runs(kind="evaluate", limit=1)
    assert failed.status == "failed"
    assert "the training set is empty" in str(failed.error)


def test_evaluating_twice_says_the_same(stage: Stage, application: Application) -> None:
    challenger = stage.release(application, OTHER)
    first, second = judge(application, challenger), judge(application, challenger)
    assert second.evaluation > first.evaluation
    assert _without_latency(first) == _without_latency(second)
    name = application.project.model().name
    stored = application.ledger.last_evaluation(name, challenger)
    assert stored is not None
    assert stored.verdict["slices"] == kept(application, second).verdict["slices"]


def _without_latency(report: EvaluationReport) -> dict[str, Any]:
    return {name: check for name, check in checks(report).items() if name != LATENCY}


@pytest.mark.parametrize("matures", [60, 20])
def test_a_champion_of_an_older_view_is_still_compared(
    stage: Stage, application: Application, matures: int
) -> None:
    """A release carries its view: a feature was renamed, one added, and labels mature sooner."""
    champion = champion_of(application)
    definitions = application.project.folder / "definitions.py"
    text = definitions.read_text().replace('"average"', '"mean_amount"')
    added = '    Feature("all_loans", "count(*)", over=prior()),\n])'
    definitions.write_text(text.replace("])\n", f"{added}\n", 1))
    changed = stage.application(application.project.model().name, label_matures=days(matures))
    assert "all_loans" in [f.name for f in changed.project.view().features]
    train_only(changed)
    report = judge(changed)
    assert report.champion == champion
    passed, found = checks(report)[LOSS]
    # The trees are the same, but for the rows they learned from.
    assert passed, found
    if matures == 60:
        assert found == f"roc_auc +0.0000 [+0.0000, +0.0000] against {champion}"


def test_a_champion_of_another_source_is_refused(stage: Stage) -> None:
    name = "elsewhere"
    there = _of_source(stage.application(name), "applications")
    stage.ingest(there)
    promote.admit_first(there, None, train_only(there).release, DuckDBEngine())
    champion, here = champion_of(there), stage.application(name)
    challenger = stage.release(here, OTHER)
    with pytest.raises(
        InputError,
        match=rf"release {champion} was trained on applications, not on loans, so the two",
    ):
        judge(here, challenger)
    assert here.ledger.last_evaluation(name, challenger) is None


def _of_source(application: Application, source: str) -> Application:
    """The application with the source of its view named otherwise."""
    path = application.project.folder.with_name(source) / "definitions.py"
    path.parent.mkdir()
    text = (application.project.folder / "definitions.py").read_text()
    text = text.replace(
        'project.read().source("loans")',
        f'replace(project.read().source("loans"), name="{source}")',
    ).replace('"loans.status"', f'"{source}.status"')
    path.write_text(f"from dataclasses import replace\n{text}")
    return replace(application, project=project.load(path.parent))


def test_without_a_release_there_is_nothing_to_evaluate(stage: Stage) -> None:
    empty = stage.application("empty")
    with pytest.raises(NotFoundError, match="model 'empty' has no release; run: hindcast train"):
        judge(empty)
    with pytest.raises(NotFoundError, match="has no release '3'; it has none at all"):
        judge(empty, "3")


def test_a_verdict_that_mlflow_cannot_be_told_of_is_kept_and_said(
    stage: Stage, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = stage.release(application, WEAK)
    judge(application, weak)

    def away(*_: Any) -> None:
        raise StoreUnavailableError("the MLflow store: gone")

    with monkeypatch.context() as patch:
        patch.setattr("hindcast.models.register.refresh", away)
        patch.setattr("hindcast.models.register.catch_up", lambda _: [])
        with pytest.raises(StoreUnavailableError, match=r"evaluation \d+ is recorded, but the ML"):
            judge(application, weak)
    told = [event.data["release"] for event in application.ledger.outbox.events("GateRefused")]
    assert told.count(weak) == 2
