"""Which release is in production: through the gate, past it with a reason, and back again."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from hindcast.bootstrap import Application
from hindcast.definitions import Gate
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import (
    ConflictError,
    GateError,
    InputError,
    NotFoundError,
    ReleaseError,
    StoreUnavailableError,
)
from hindcast.models import promote
from hindcast.models.registry.registry import ModelRegistry
from hindcast.serving.release import short
from hindcast.stores.ledger import Ledger, Promotion
from hindcast.traffic import local
from tests.integration import lifecycle
from tests.integration.lifecycle import GOOD, NOW, OTHER, WEAK, Stage, aliases, judge, page, spoil

UNREACHABLE = Gate(minimum={"roc_auc": 0.999}, latency_ms=1000)


@pytest.fixture
def application(stage: Stage, request: pytest.FixtureRequest) -> Application:
    """One model of the test's own."""
    return stage.application(lifecycle.model_name(request.node.name))


def force(application: Application, release: str, reason: str = "by hand") -> Promotion:
    return promote.promote(application, None, release, force=True, reason=reason)


def history(application: Application) -> list[tuple[str, str]]:
    """Action and release of each promotion, the oldest first."""
    found = application.ledger.promotions(application.project.model().name)
    return [(each.action, each.release) for each in reversed(found)]


def in_production(application: Application) -> str | None:
    champion = application.ledger.champion(application.project.model().name)
    return champion.release if champion else None


def admit(application: Application, release: str) -> Any:
    return promote.admit_first(application, None, release, DuckDBEngine())


def test_a_first_release_that_passes_is_promoted_by_its_evaluation(
    stage: Stage, application: Application
) -> None:
    first = stage.release(application)
    report = admit(application, first)
    assert report.passed
    assert report.champion is None
    champion = application.champion(application.project.model().name)
    assert (champion.release, champion.forced, champion.reason) == (first, False, None)
    assert champion.evaluation == report.evaluation
    # A model that has a champion has no first release any more.
    assert admit(application, stage.release(application, OTHER)) is None
    assert history(application) == [("promote", first)]


def test_a_first_release_that_fails_is_not_and_predict_says_what_to_do(stage: Stage) -> None:
    strict = stage.application("strict", gate=UNREACHABLE)
    report = admit(strict, stage.release(strict))
    assert not report.passed
    assert in_production(strict) is None
    assert "champion" not in aliases(strict)
    with pytest.raises(NotFoundError, match="no release of model 'strict' is in production; run:"):
        local.predict(strict, None, ["5008804"], NOW)


def test_a_challenger_needs_an_evaluation_that_passed_against_todays_champion(
    stage: Stage, application: Application
) -> None:
    first, other, weak = (stage.release(application, kind) for kind in (GOOD, OTHER, WEAK))
    admit(application, first)
    with pytest.raises(GateError, match=rf"{other} has not been evaluated; run: hindcast evaluate"):
        promote.promote(application, None, other)
    failed = judge(application, weak)
    with pytest.raises(GateError, match=rf"failed its gate in evaluation {failed.evaluation};"):
        promote.promote(application, None, weak)
    assert judge(application, other).passed
    force(application, weak)
    with pytest.raises(
        GateError, match=rf"evaluated against {first}, and the champion is {weak} now; run:"
    ):
        promote.promote(application, None, other)
    assert history(application) == [("promote", first), ("promote", weak)]
    assert judge(application, other).champion == weak
    assert promote.promote(application, None, other).release == other
    assert in_production(application) == other


def test_an_evaluation_without_a_champion_does_not_count_against_one(
    stage: Stage, application: Application
) -> None:
    first, other = stage.release(application), stage.release(application, OTHER)
    assert judge(application, other).champion is None
    admit(application, first)
    with pytest.raises(GateError, match=rf"against no champion, and the champion is {first} now"):
        promote.promote(application, None, other)


def test_force_without_a_reason_is_refused(application: Application) -> None:
    for reason in (None, "", "  "):
        with pytest.raises(InputError, match="a forced promotion needs a reason"):
            promote.promote(application, None, "1", force=True, reason=reason)


def test_force_is_recorded_with_its_reason_and_who_did_it(
    stage: Stage, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    release = stage.release(application, WEAK)
    made = force(application, release, "the other leaks the label")
    assert application.champion(made.model) == made
    assert (made.forced, made.reason, made.by) == (True, "the other leaks the label", "ann")
    assert made.evaluation is None
    assert "the other leaks the label" in page(application, release)


def test_the_champion_cannot_be_promoted_again(stage: Stage, application: Application) -> None:
    release = stage.release(application)
    force(application, release)
    for by_force in (False, True):
        with pytest.raises(InputError, match=f"release {release} is in production already"):
            promote.promote(application, None, release, by_force, "really")
    assert len(history(application)) == 1


def test_an_older_champion_comes_back_without_a_gate_as_a_rollback(
    stage: Stage, application: Application
) -> None:
    first, other = stage.release(application), stage.release(application, OTHER)
    force(application, first)
    force(application, other)
    back = promote.promote(application, None, first)
    assert (back.action, back.forced, back.reason) == ("rollback", False, None)
    assert in_production(application) == first


def test_rollback_goes_back_until_there_is_nothing(stage: Stage, application: Application) -> None:
    with pytest.raises(NotFoundError, match="has no earlier champion to go back to"):
        promote.rollback(application, None)
    releases = [stage.release(application, kind) for kind in (GOOD, OTHER, WEAK)]
    for release in releases:
        force(application, release)
    assert promote.rollback(application, None).release == releases[1]
    assert aliases(application) == {"champion": releases[1], "challenger": releases[2]}
    assert promote.rollback(application, None).release == releases[0]
    with pytest.raises(NotFoundError, match="has no earlier champion to go back to"):
        promote.rollback(application, None)
    assert [action for action, _ in history(application)] == ["promote"] * 3 + ["rollback"] * 2


def test_a_release_is_named_by_its_version_or_its_id(
    stage: Stage, application: Application
) -> None:
    first, other = stage.release(application), stage.release(application, OTHER)
    assert force(application, "2").release == other
    assert force(application, "1").release == first
    listed = rf"it has 2 \({short(other)}\), 1 \({short(first)}"
    with pytest.raises(NotFoundError, match=f"no release '7'; {listed}"):
        force(application, "7")


def test_in_production_at_an_instant(stage: Stage, application: Application) -> None:
    made = [force(application, stage.release(application, kind)) for kind in (GOOD, OTHER)]
    tick, name = timedelta(microseconds=1), application.project.model().name
    with pytest.raises(NotFoundError, match=r"no release of model .* was in production at"):
        application.champion(name, made[0].promoted_at - tick)
    assert application.champion(name, made[0].promoted_at) == made[0]
    assert application.champion(name, made[1].promoted_at - tick) == made[0]
    assert application.champion(name, made[1].promoted_at + tick) == made[1]


@pytest.mark.parametrize("name", ["model.onnx", "metrics.json"])
def test_a_changed_file_is_refused_by_name_and_only_its_own_release(
    stage: Stage, application: Application, name: str
) -> None:
    first, other = stage.release(application), stage.release(application, OTHER)
    spoil(application, other, name)
    with pytest.raises(ReleaseError, match=f"release {other}: {name} has changed since"):
        force(application, other)
    with pytest.raises(ReleaseError, match=f"release {other}: {name} has changed since"):
        judge(application, other)
    assert in_production(application) is None
    assert force(application, first).release == first
    failed = application.ledger.runs(status="failed", limit=2)
    assert [run.kind for run in failed] == ["evaluate", "promote"]
    assert {run.error for run in failed} == {
        f"release {other}: {name} has changed since it was released"
    }


def test_a_folder_that_is_gone_is_refused(stage: Stage, application: Application) -> None:
    first, other = stage.release(application), stage.release(application, OTHER)
    application.release_folder(other).rename(stage.home / other)
    with pytest.raises(NotFoundError, match=f"release {other}: there is no folder"):
        force(application, other)
    assert force(application, first).release == first


def test_of_two_promotions_at_once_one_wins_and_the_other_is_told(
    stage: Stage, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    releases = [stage.release(application, kind) for kind in (GOOD, OTHER)]
    name, original = application.project.model().name, Ledger.promote
    both_looked = threading.Barrier(2, timeout=60)

    def together(ledger: Ledger, *given: Any, **named: Any) -> Promotion:
        both_looked.wait()
        return original(ledger, *given, **named)

    monkeypatch.setattr(Ledger, "promote", together)
    told: list[Exception] = []

    def attempt(release: str) -> None:
        try:
            force(stage.application(name), release)
        except ConflictError as error:
            told.append(error)

    threads = [threading.Thread(target=attempt, args=[release]) for release in releases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = in_production(application)
    assert winner in releases
    (error,) = told
    assert f"promoted release '{winner}' of model '{name}' meanwhile" in str(error)
    assert len(history(application)) == 1
    (failed,) = application.ledger.runs(kind="promote", status="failed", limit=1)
    assert failed.error == str(error)
    assert aliases(application)["champion"] == winner


def test_a_rollback_does_not_go_back_from_what_it_did_not_see(
    stage: Stage, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other, late = (stage.release(application, kind) for kind in (GOOD, OTHER, WEAK))
    force(application, first)
    force(application, other)
    original = Ledger.promotions

    def overtaken(ledger: Ledger, *given: Any) -> list[Promotion]:
        found = original(ledger, *given)
        monkeypatch.setattr(Ledger, "promotions", original)
        force(application, late)
        return found

    monkeypatch.setattr(Ledger, "promotions", overtaken)
    with pytest.raises(ConflictError, match=f"promoted release '{late}' of model"):
        promote.rollback(application, None)
    assert in_production(application) == late


def test_a_promotion_that_mlflow_cannot_be_told_of_holds_and_says_so(
    stage: Stage, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = stage.release(application)

    original = ModelRegistry.point

    def away(registry: ModelRegistry, model: str, champion: str | None, other: str | None) -> None:
        if champion:
            raise StoreUnavailableError("the MLflow store: gone")
        original(registry, model, champion, other)

    with monkeypatch.context() as patch:
        patch.setattr(ModelRegistry, "point", away)
        with pytest.raises(StoreUnavailableError, match=f"{release} is in production, but the ML"):
            force(application, release)
    assert in_production(application) == release
    with pytest.raises(InputError, match="in production already"):
        force(application, release)
    assert aliases(application) == {"champion": release}
    assert "by hand" in page(application, release)
