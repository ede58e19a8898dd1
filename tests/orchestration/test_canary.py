"""The rebuild machine from the canary on: alarms at each step, and failures half way."""

from typing import Any

import pytest

from tests.orchestration.aws import Given, refusal
from tests.orchestration.cloud import ALARMS, Cloud, client
from tests.orchestration.test_rebuild import closed


def ended_as_it_began(cloud: Cloud, champion: str) -> None:
    """No trace of a canary, the champion and its version in production."""
    assert cloud.champion == champion
    assert cloud.stage.document == {
        "stageName": "live",
        "deploymentId": "d1",
        "variables": {"predictVersion": "1", "other": "kept"},
    }


@pytest.mark.parametrize("share", [5, 50], ids=["first", "last"])
def test_an_alarm_at_any_step_rolls_back(rolling: Cloud, share: int) -> None:
    rolling.stage.on_shift = lambda now: rolling.ring(ALARMS[1]) if now == share else None
    before = rolling.champion
    ended = rolling.run("nightly")
    assert (ended.status, ended.error) == ("FAILED", "AlarmRinging")
    ended_as_it_began(rolling, before)
    assert rolling.stage.shifts == [step for step in (5, 25, 50) if step <= share]
    run = closed(rolling, "rebuild-credit_risk.nightly", "failed", "rolled back")
    assert (run.outputs["canary"]["reached"], run.outputs["canary"]["alarms"]) == (
        share,
        [ALARMS[1]],
    )
    assert run.error == f"WatchAlarms: AlarmRinging: {ALARMS[1]} at {share}% of the traffic"
    [(subject, message)] = rolling.notifications
    told = f"Hindcast: rebuild of credit_risk rolled back {run.outputs['release']}"
    assert subject == rolling.subject(told)
    assert message["error"] == run.error
    assert rolling.home.application.ledger.promotions("credit_risk")[0].release == before


def test_every_look_counts_not_only_the_first(rolling: Cloud) -> None:
    rolling.edge.before["cloudwatch", "DescribeAlarms"] = lambda made: (
        rolling.ring(ALARMS[0]) if made == 3 else None
    )
    ended = rolling.run("nightly", canary={"looks": 4, "look_seconds": 0})
    assert ended.error == "AlarmRinging"
    assert ended.states.count("Hold") == 3
    assert rolling.stage.shifts == [5]


def test_an_alarm_that_does_not_exist_is_no_reason_to_go_on(rolling: Cloud) -> None:
    client("cloudwatch").delete_alarms(AlarmNames=[ALARMS[0]])
    before = rolling.champion
    ended = rolling.run("nightly")
    assert (ended.status, ended.error) == ("FAILED", "AlarmsMissing")
    ended_as_it_began(rolling, before)
    closed(rolling, "rebuild-credit_risk.nightly", "failed", "rolled back")


def test_a_stage_that_cannot_be_promoted_takes_the_promotion_back(rolling: Cloud) -> None:
    def refuse(given: Given) -> None:
        if any(one["path"] == "/deploymentId" for one in given["patchOperations"]):
            raise refusal("BadRequestException", "no", "UpdateStage")

    rolling.stage.before_update = refuse
    before = rolling.champion
    ended = rolling.run("nightly")
    assert ended.status == "FAILED"
    ended_as_it_began(rolling, before)
    promotions = rolling.home.application.ledger.promotions("credit_risk")
    assert [one.action for one in promotions] == ["rollback", "promote", "promote"]
    assert str(closed(rolling, "rebuild-credit_risk.nightly", "failed", "failed").error).startswith(
        "PromoteStage"
    )


def test_a_lost_answer_to_the_promotion_of_the_stage_is_looked_up(rolling: Cloud) -> None:
    onwards = rolling.stage.update

    def lose(given: Given) -> Any:
        answer = onwards(given)
        if any(one["path"] == "/deploymentId" for one in given["patchOperations"]):
            raise refusal("SdkClientException", "Read timed out", "UpdateStage")
        return answer

    rolling.edge.fakes["apigateway", "UpdateStage"] = lose
    ended = rolling.run("nightly")
    assert ended.output["outcome"] == "promoted", ended
    assert "TakeBack" not in ended.states
    assert rolling.stage.document["variables"]["predictVersion"] == "2"
    assert "canarySettings" not in rolling.stage.document


def test_a_promotion_by_someone_else_meanwhile_ends_the_canary(rolling: Cloud) -> None:
    def intervene(share: float) -> None:
        if share == 25:
            rolling.home.promote(rolling.home.train("2021-06-20"))

    rolling.stage.on_shift = intervene
    ended = rolling.run("nightly")
    assert (ended.status, ended.error) == ("FAILED", "GateError")
    assert rolling.stage.document["variables"]["predictVersion"] == "1"
    assert "canarySettings" not in rolling.stage.document
    assert "was evaluated against" in str(
        closed(rolling, "rebuild-credit_risk.nightly", "failed", "failed").error
    )


def test_a_canary_that_cannot_be_ended_is_said_so(rolling: Cloud) -> None:
    def refuse(given: Given) -> None:
        if given["patchOperations"][0]["op"] == "remove":
            raise refusal("BadRequestException", "not now", "UpdateStage")

    rolling.stage.before_update = refuse
    ended = rolling.run("nightly")
    assert ended.status == "FAILED"
    run = closed(rolling, "rebuild-credit_risk.nightly", "failed", "promoted")
    assert "EndCanary" in str(run.error)
    [(_, message)] = rolling.notifications
    assert "EndCanary" in message["error"]
