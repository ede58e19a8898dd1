"""The rebuild machine when it is asked for a release that is there: back, forward, or again."""

import time
from pathlib import Path
from typing import Any

import pytest

from hindcast import names, project
from hindcast.bootstrap import Application
from hindcast.errors import NotFoundError
from hindcast.operations import release_choice
from hindcast.operations.release_choice import ReleaseChoice
from hindcast.settings import Settings
from tests.orchestration.aws import Given, refusal
from tests.orchestration.cloud import ACCOUNT, REGION, Cloud, answered, client, history

NEITHER = {"RefreshFeatures", "Train"}


@pytest.fixture
def rolled(rolling: Cloud) -> Cloud:
    """The champion serves as version 1, as a rebuild recorded it; its challenger waits."""
    record(rolling, "a", rolling.champion, "1")
    return rolling


@pytest.fixture
def twice(rolled: Cloud) -> Cloud:
    """After that, the challenger was rolled out as version 2."""
    rolled.home.promote(challenger(rolled))
    code = {"ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/predict:second"}
    client("lambda").update_function_code(FunctionName="predict", **code)
    version = client("lambda").publish_version(
        FunctionName="predict", Description=challenger(rolled)
    )["Version"]
    rolled.stage.document["variables"][names.STAGE_VARIABLE] = version
    record(rolled, "b", rolled.champion, version)
    assert version == "2"
    return rolled


def record(cloud: Cloud, name: str, release: str, version: str) -> None:
    """A rebuild's run in the ledger, with what one leaves there."""
    ledger = cloud.home.application.ledger
    run = ledger.open_run(names.REBUILD, {"execution": "ended"}, f"rebuild-credit_risk.{name}")
    ledger.close_run(run.id, {"outcome": "promoted", "release": release, "version": version})


def challenger(cloud: Cloud) -> str:
    return cloud.home.releases[-1]


def served(cloud: Cloud) -> str:
    """The version of predict on the stage, which has no canary."""
    assert "canarySettings" not in cloud.stage.document
    version: str = cloud.stage.document["variables"][names.STAGE_VARIABLE]
    return version


def test_a_rollback_takes_effect_at_the_stage_at_once(twice: Cloud) -> None:
    abandoned = twice.champion
    ended = twice.run("undo", rollback=True)
    assert ended.status == "SUCCEEDED", ended
    assert not NEITHER & {*ended.states}
    assert (served(twice), twice.stage.shifts) == ("1", [])
    assert twice.champion == ended.output["release"] != abandoned
    assert ended.output == {"outcome": "restored", "release": twice.champion, "version": "1"}
    promotion = twice.home.application.ledger.promotions("credit_risk")[0]
    assert (promotion.action, promotion.by) == ("rollback", "control")
    run = twice.rebuilds[0]
    assert (run.id, run.status, run.outputs["outcome"]) == (
        "rebuild-credit_risk.undo",
        "succeeded",
        "restored",
    )
    assert run.outputs["promotion"] == promotion.number
    (subject, _) = twice.notifications[-1]
    assert subject == twice.subject(f"Hindcast: rebuild of credit_risk restored {twice.champion}")


def test_a_rollback_may_name_the_release(twice: Cloud) -> None:
    newest = twice.champion
    twice.run("undo", rollback=True)
    ended = twice.run("redo", rollback=newest)
    assert ended.output == {"outcome": "restored", "release": newest, "version": "2"}
    assert (served(twice), twice.champion) == ("2", newest)


def test_a_deployment_holds_a_model_as_a_rebuild_does(rolling: Cloud) -> None:
    """Templates set a stage to the version that was read before: it must not change meanwhile."""
    before = rolling.stage.document.copy()
    stopped = rolling.start("deployment", hold=3600)
    rolling.await_run("rebuild-credit_risk.deployment")
    other = rolling.run("sunday")
    assert (other.status, other.error) == ("FAILED", "AlreadyRunning")
    client("stepfunctions").stop_execution(executionArn=stopped)
    ended = rolling.run("another", hold=1)
    assert (ended.status, ended.output["outcome"]) == ("SUCCEEDED", "held")
    assert rolling.stage.document == before
    assert [message["outcome"] for _, message in rolling.notifications] == ["not started"]
    assert [run.status for run in rolling.rebuilds] == ["succeeded", "failed"]


def test_a_release_whose_version_is_unknown_is_not_gone_back_to(rolling: Cloud) -> None:
    before = rolling.champion
    ended = rolling.run("undo", rollback=before)
    assert (ended.status, ended.error) == ("FAILED", "NotFoundError")
    assert "no rebuild recorded a version of predict" in str(rolling.rebuilds[0].error)
    assert (served(rolling), rolling.champion) == ("1", before)


def test_a_version_that_sleeps_is_woken_before_it_serves(twice: Cloud) -> None:
    asleep = {"State": "Inactive", "LastUpdateStatus": "Successful"}
    found = dict(asleep)

    def wake(event: Any, version: Any) -> dict[str, Any]:
        assert (version, served(twice)) == ("1", "2")
        if "synthetic" in event:
            return answered(event, twice.home.releases[0])
        if found["State"] == "Active":
            return {"warm": True, "release": twice.home.releases[0]}
        found.update(State="Active")
        raise refusal("ResourceConflictException", "currently Inactive", "Invoke", 409)

    twice.edge.fakes["lambda", "GetFunctionConfiguration"] = lambda given: dict(found)
    twice.functions.handlers = {**twice.functions.handlers, "predict": wake}
    twice.rework(lambda states: states["AwaitFunction"].update(Seconds=0))
    ended = twice.run("undo", rollback=True)
    assert ended.output["outcome"] == "restored", ended
    assert ended.states.count("WakeFunction") == 1


def test_a_stage_that_refuses_leaves_the_ledger_as_it_was(twice: Cloud) -> None:
    before = twice.champion

    def refuse(given: Given) -> None:
        raise refusal("BadRequestException", "not now", "UpdateStage")

    twice.stage.before_update = refuse
    ended = twice.run("undo", rollback=True)
    assert ended.status == "FAILED"
    assert (served(twice), twice.champion) == ("2", before)
    assert str(twice.rebuilds[0].error).startswith("RestoreStage")


def test_asked_again_after_the_ledger_was_away_it_finds_the_same_way_back(twice: Cloud) -> None:
    onwards = twice.functions.handlers["control"]

    def lose(event: Any, context: Any) -> Any:
        if event["action"] == "promote":
            raise RuntimeError("the ledger is away")
        return onwards(event, context)

    twice.functions.handlers = {**twice.functions.handlers, "control": lose}
    before = twice.champion
    assert twice.run("undo", rollback=True).status == "FAILED"
    assert (served(twice), twice.champion) == ("1", before)
    twice.functions.handlers = {**twice.functions.handlers, "control": onwards}
    ended = twice.run("again", rollback=True)
    assert ended.output["outcome"] == "restored", ended
    assert (served(twice), twice.champion) == ("1", ended.output["release"])


def test_nothing_to_ask_is_no_reason_to_go_on_but_the_way_back_stays_open(twice: Cloud) -> None:
    onwards = twice.functions.handlers["control"]

    def lose(event: Any, context: Any) -> Any:
        if event["action"] == "known_questions":
            raise RuntimeError("the lake is away")
        return onwards(event, context)

    twice.functions.handlers = {**twice.functions.handlers, "control": lose}
    ended = twice.run("again", release="champion")
    assert (ended.status, served(twice), twice.stage.shifts) == ("FAILED", "2", [])
    assert str(twice.rebuilds[0].error) == "FindQuestions: RuntimeError: the lake is away"
    ended = twice.run("undo", rollback=True)
    assert (ended.output["outcome"], served(twice)) == ("restored", "1")


def test_a_release_that_is_there_is_judged_and_rolled_out_by_a_canary(rolled: Cloud) -> None:
    release = challenger(rolled)
    number = rolled.home.application.ledger.find_release("credit_risk", release).version
    rolled.home.redefine(("gate=Gate(", "second_person=True, gate=Gate("))
    ended = rolled.run("by-hand", release=str(number), by="bob")
    assert ended.output == {"outcome": "promoted", "release": release, "version": "2"}
    assert rolled.home.application.champion("credit_risk").by == "bob"
    assert not NEITHER & {*ended.states}
    assert "Evaluate" in ended.states
    assert (served(rolled), rolled.stage.shifts) == ("2", [5, 25, 50, 0])
    assert rolled.champion == release
    assert release_choice.choose(rolled.home.application, None, None, release).version == "2"


def test_a_reason_promotes_what_its_gate_refuses(rolled: Cloud) -> None:
    release = challenger(rolled)
    rolled.home.redefine(("gate=Gate(", "gate=Gate(minimum={'roc_auc': 0.999}, "))
    before = rolled.champion
    assert rolled.run("refused", release=release).output["outcome"] == "refused"
    assert rolled.champion == before
    ended = rolled.run("forced", release=release, reason="the gate is wrong")
    assert ended.output["outcome"] == "promoted", ended
    promotion = rolled.home.application.champion("credit_risk")
    assert (promotion.release, promotion.forced) == (release, True)
    assert promotion.reason == "the gate is wrong"


def test_the_champion_is_rolled_out_again_in_an_image_of_todays_code(rolled: Cloud) -> None:
    before = rolled.home.application.champion("credit_risk")
    ended = rolled.run("delivery", release="champion")
    assert ended.output == {"outcome": "promoted", "release": before.release, "version": "2"}
    assert not {*NEITHER, "Evaluate"} & {*ended.states}
    assert (served(rolled), rolled.stage.shifts) == ("2", [5, 25, 50, 0])
    assert rolled.home.application.champion("credit_risk") == before
    assert release_choice.choose(rolled.home.application, None, None, before.release).version == "2"


def test_a_champion_that_fails_in_new_code_stays_the_champion(rolled: Cloud) -> None:
    def refuse(given: Given) -> None:
        if any(one["path"] == "/deploymentId" for one in given["patchOperations"]):
            raise refusal("BadRequestException", "no", "UpdateStage")

    rolled.stage.before_update = refuse
    before = rolled.home.application.ledger.promotions("credit_risk")
    ended = rolled.run("delivery", release="champion")
    assert ended.status == "FAILED"
    assert "TakeBack" not in ended.states
    assert served(rolled) == "1"
    assert rolled.home.application.ledger.promotions("credit_risk") == before


def test_a_release_that_does_not_exist_is_told(rolled: Cloud) -> None:
    ended = rolled.run("by-hand", release="nonsense")
    assert (ended.status, ended.error) == ("FAILED", "NotFoundError")
    assert "has no release 'nonsense'" in str(rolled.rebuilds[0].error)


def test_what_a_stopped_rebuild_left_is_ended_by_one_that_rolls_out_nothing(twice: Cloud) -> None:
    """As the rule starts it that hears of the stop; then a rollback goes as any."""
    killed = twice.start("killed", release="champion", canary={"looks": 1, "look_seconds": 600})
    deadline = time.monotonic() + 60
    while "Hold" not in history(killed):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    client("stepfunctions").stop_execution(executionArn=killed)
    assert "canarySettings" in twice.stage.document
    cleaned = twice.run("clean-up", release=names.NOTHING)
    assert cleaned.output["outcome"] == "nothing to roll out", cleaned
    assert served(twice) == "2"
    ended = twice.run("undo", rollback=True)
    assert ended.output["outcome"] == "restored", ended
    assert served(twice) == "1"
    assert {run.id: run.status for run in twice.rebuilds}["rebuild-credit_risk.killed"] == "failed"


def test_without_a_champion_nothing_is_rolled_out(database_url: str) -> None:
    places = Settings(Path("/nowhere"), "/nowhere", "/nowhere", database_url=database_url)
    application = Application(places, project.load())
    assert release_choice.choose(application, None, "champion", None) == ReleaseChoice("none", None)
    with pytest.raises(NotFoundError, match="has no earlier champion to go back to"):
        release_choice.choose(application, None, None, True)
