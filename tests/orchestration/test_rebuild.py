"""The rebuild machine from refresh to promotion, and what stops it before the canary."""

import threading
import time
from typing import Any

import pytest

from hindcast.errors import StoreUnavailableError
from hindcast.operations import training_job
from hindcast.stores.ledger import Run
from tests.orchestration.aws import refusal
from tests.orchestration.cloud import Cloud, client, history


def closed(cloud: Cloud, run_id: str, status: str, outcome: str) -> Run:
    """The machine's run, which is the only one and has ended."""
    [run] = cloud.rebuilds
    assert (run.id, run.status, run.outputs["outcome"]) == (run_id, status, outcome), run
    return run


def untouched(cloud: Cloud, champion: str) -> None:
    """Production is as it was: in the ledger, on the stage."""
    assert cloud.champion == champion
    assert cloud.stage.document["variables"] == {"predictVersion": "1", "other": "kept"}
    assert "canarySettings" not in cloud.stage.document
    assert cloud.stage.shifts == []


def test_a_release_is_rolled_out_in_steps_and_promoted(here: Cloud) -> None:
    before = here.champion
    ended = here.run("nightly")
    assert ended.status == "SUCCEEDED", ended
    release = ended.output["release"]
    assert ended.output == {"outcome": "promoted", "release": release, "version": "2"}
    assert release == here.champion != before
    assert here.stage.shifts == [5, 25, 50, 0]
    assert here.stage.document == {
        "stageName": "live",
        "deploymentId": "d1",
        "variables": {"predictVersion": "2", "other": "kept"},
    }
    run = closed(here, "rebuild-credit_risk.nightly", "succeeded", "promoted")
    assert run.outputs["canary"] == {
        "reached": 50,
        "alarms": [],
        "requests": 0,
        "synthetic": 100,
    }
    assert run.outputs["promotion"] == here.home.application.champion("credit_risk").number
    assert here.home.application.champion("credit_risk").by == "control"
    [(subject, message)] = here.notifications
    assert subject == here.subject(f"Hindcast: rebuild of credit_risk promoted {release}")
    assert (message["outcome"], message["error"], message["version"]) == ("promoted", None, "2")

    _each_call_names_the_release_the_version_and_the_clocks(here, release)


def _each_call_names_the_release_the_version_and_the_clocks(here: Cloud, release: str) -> None:
    [job] = here.edge.made("glue", "StartJobRun")
    clocks = {"--as_of": "2021-09-17", "--known_by": "2021-09-18"}
    assert job["Arguments"] == {"--feature_views": "credit_history", **clocks}
    [build] = here.edge.made("codebuild", "StartBuild")
    values = {one["name"]: one["value"] for one in build["environmentVariablesOverride"]}
    tag = values.pop("IMAGE_TAG")
    assert (values, tag.rpartition(".")[0]) == ({"RELEASE": release}, release)
    [code] = here.edge.made("lambda", "UpdateFunctionCode")
    assert code["ImageUri"].endswith(f"/predict:{tag}")
    [allowed] = here.edge.made("lambda", "AddPermission")
    assert (allowed["Qualifier"], allowed["Principal"]) == ("2", "apigateway.amazonaws.com")
    [first, *_] = here.edge.made("apigateway", "UpdateStage")
    assert {one["path"]: one["value"] for one in first["patchOperations"]} == {
        "/canarySettings/deploymentId": "d1",
        "/canarySettings/stageVariableOverrides/predictVersion": "2",
        "/canarySettings/useStageCache": "false",
        "/canarySettings/percentTraffic": "5",
    }


def test_a_release_that_fails_its_gate_is_refused_and_told_once(rolling: Cloud) -> None:
    rolling.home.redefine(("gate=Gate(", "gate=Gate(minimum={'roc_auc': 0.999}, "))
    before = rolling.champion
    ended = rolling.run("nightly")
    assert (ended.status, ended.output["outcome"]) == ("SUCCEEDED", "refused")
    untouched(rolling, before)
    run = closed(rolling, "rebuild-credit_risk.nightly", "succeeded", "refused")
    assert run.outputs["release"] == ended.output["release"]
    assert rolling.versions() == ["1"]
    assert rolling.edge.made("codebuild", "StartBuild") == []
    event = rolling.home.application.ledger.outbox.events("GateRefused")[0]
    assert event.data["release"] == ended.output["release"]
    assert "roc_auc" in event.data["failures"][0]
    assert rolling.notifications == []  # The relay tells people.


def test_a_release_that_takes_a_second_person_waits_for_one(rolling: Cloud) -> None:
    rolling.home.redefine(("gate=Gate(", "second_person=True, gate=Gate("))
    before = rolling.champion
    waits = rolling.run("nightly", by="ann")
    assert (waits.status, waits.output["outcome"]) == ("SUCCEEDED", "waits for a second person")
    untouched(rolling, before)
    release = waits.output["release"]
    assert [subject for subject, _ in rolling.notifications] == [
        rolling.subject(f"Hindcast: rebuild of credit_risk waits for a second person {release}")
    ]


def test_a_lambda_that_is_throttled_twice_is_asked_again(rolling: Cloud) -> None:
    times = iter(["throttled", "throttled"])

    def throttle() -> None:
        if next(times, None):
            raise refusal("TooManyRequestsException", "Rate Exceeded.", "Invoke", 429)

    rolling.functions.before["train"] = throttle
    ended = rolling.run("nightly")
    assert ended.output["outcome"] == "promoted", ended
    assert len(rolling.pauses) == 2
    closed(rolling, "rebuild-credit_risk.nightly", "succeeded", "promoted")
    # The champion's, its challenger's, and this one.
    assert len(rolling.home.application.ledger.runs("train")) == 3
    assert [message["outcome"] for _, message in rolling.notifications] == ["promoted"]


def test_our_own_transient_error_is_retried_by_name_and_others_are_not(rolling: Cloud) -> None:
    errors: list[Exception] = [StoreUnavailableError("Postgres: away"), ValueError("a bug")]

    def break_down(event: Any, context: Any) -> Any:
        raise errors.pop(0)

    rolling.functions.handlers = {**rolling.functions.handlers, "train": break_down}
    before = rolling.champion
    ended = rolling.run("nightly")
    assert (ended.status, ended.error) == ("FAILED", "ValueError")
    assert (errors, len(rolling.pauses)) == ([], 1)
    untouched(rolling, before)
    run = closed(rolling, "rebuild-credit_risk.nightly", "failed", "failed")
    assert run.error == "Train: ValueError: a bug"
    [(subject, message)] = rolling.notifications
    assert (subject, message["error"]) == ("Hindcast: rebuild of credit_risk failed", run.error)


def test_a_glue_job_that_fails_ends_the_rebuild(here: Cloud) -> None:
    here.glue.work = lambda given: "refresh_features: raw/loans is gone"
    before = here.champion
    ended = here.run("nightly")
    assert (ended.status, ended.error) == ("FAILED", "TaskFailed")
    assert "Train" not in ended.states
    untouched(here, before)
    run = closed(here, "rebuild-credit_risk.nightly", "failed", "failed")
    expected = "RefreshFeatures: States.TaskFailed: refresh_features: raw/loans is gone"
    assert run.error == expected
    assert [message["error"] for _, message in here.notifications] == [expected]


def test_features_that_fail_their_checks_are_not_trained_on(here: Cloud) -> None:
    before = here.champion
    ended = here.run("nightly", as_of="2021-10-17")
    assert (ended.status, ended.error) == ("FAILED", "DataChecksFailed")
    assert "Train" not in ended.states
    untouched(here, before)
    run = closed(here, "rebuild-credit_risk.nightly", "failed", "failed")
    assert "age of features: 30 days" in str(run.error)


def test_a_step_that_takes_too_long_is_given_up(here: Cloud) -> None:
    let_go = threading.Event()
    here.functions.handlers = {
        **here.functions.handlers,
        "train": lambda event, context: {"release": let_go.wait(60)},
    }
    here.rework(lambda states: states["Train"].update(TimeoutSeconds=1))
    before = here.champion
    ended = here.run("nightly")
    let_go.set()
    assert (ended.status, ended.error) == ("FAILED", "Timeout")
    untouched(here, before)
    run = closed(here, "rebuild-credit_risk.nightly", "failed", "failed")
    assert run.error == "Train: States.Timeout"
    assert [message["outcome"] for _, message in here.notifications] == ["failed"]


def test_a_build_that_fails_publishes_nothing(here: Cloud) -> None:
    here.builds.work = lambda given: "docker"
    before = here.champion
    ended = here.run("nightly")
    assert (ended.status, ended.error) == ("FAILED", "TaskFailed")
    untouched(here, before)
    assert here.versions() == ["1"]
    assert str(closed(here, "rebuild-credit_risk.nightly", "failed", "failed").error).startswith(
        "BuildImage"
    )


@pytest.mark.parametrize("held", [None, "credit_risk-000000000000"])
def test_an_image_without_the_release_meets_no_caller(rolling: Cloud, held: str | None) -> None:
    answer = {"warm": True, "release": held}
    rolling.functions.handlers = {**rolling.functions.handlers, "predict": lambda *_: answer}
    before = rolling.champion
    ended = rolling.run("nightly")
    assert (ended.status, ended.error) == ("FAILED", "WrongRelease")
    untouched(rolling, before)
    run = closed(rolling, "rebuild-credit_risk.nightly", "failed", "failed")
    assert f"version 2 of predict holds {held or 'no release'}, not" in str(run.error)


def test_an_image_that_does_not_start_meets_no_caller(rolling: Cloud) -> None:
    def fail(event: Any, version: Any) -> None:
        raise RuntimeError("exit status 1")

    rolling.functions.handlers = {**rolling.functions.handlers, "predict": fail}
    before = rolling.champion
    assert rolling.run("nightly").status == "FAILED"
    untouched(rolling, before)
    run = closed(rolling, "rebuild-credit_risk.nightly", "failed", "failed")
    assert run.error == "TryVersion: RuntimeError: exit status 1"


@pytest.mark.parametrize("training", ["job", "elsewhere"])
def test_training_too_big_for_a_lambda_runs_as_a_job(
    here: Cloud, training: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(given: dict[str, Any]) -> None:
        training_job.main(given["AlgorithmSpecification"]["ContainerArguments"])

    here.trainings.work = train
    before = here.champion
    ended = here.run("nightly", training=training)
    assert "Train" not in ended.states
    if training == "job":
        assert ended.status == "SUCCEEDED", ended
        assert here.champion == ended.output["release"] != before
        [job] = here.edge.made("sagemaker", "CreateTrainingJob")
        assert "/train@sha256:" in job["AlgorithmSpecification"]["TrainingImage"]
        assert job["VpcConfig"] == {"Subnets": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
        assert job["Environment"] == {"HINDCAST_LAKE": "s3://lake"}
        key = "arn:aws:kms:eu-west-1:123456789012:key/1"
        assert job["ResourceConfig"]["VolumeKmsKeyId"] == job["OutputDataConfig"]["KmsKeyId"] == key
    else:
        assert (ended.status, ended.error) == ("FAILED", "UnknownTraining")
        untouched(here, before)


def test_a_second_start_is_joined_by_name_and_refused_by_the_ledger(rolling: Cloud) -> None:
    reached, let_go = threading.Event(), threading.Event()

    def hold(given: Any) -> None:
        reached.set()
        let_go.wait(60)

    rolling.glue.work = hold
    first = rolling.start("nightly")
    assert reached.wait(60)
    assert rolling.start("nightly") == first
    second = rolling.run("by-hand")
    assert (second.status, second.error) == ("FAILED", "AlreadyRunning")
    assert second.states == [
        "Settle",
        "IsItOurs",
        "IsCanaryLong",
        "OpenRun",
        "IsItOpen",
        "AskForOther",
        "DoesOtherRun",
        "RefuseSecond",
        "Notify",
        "HowDidItGo",
        "Failed",
    ]
    assert [run.id for run in rolling.rebuilds] == ["rebuild-credit_risk.nightly"]
    [(subject, message)] = rolling.notifications
    assert subject == "Hindcast: rebuild of credit_risk not started"
    assert "rebuild-credit_risk.nightly is under way" in message["error"]
    let_go.set()
    assert rolling.wait(first).output["outcome"] == "promoted"
    closed(rolling, "rebuild-credit_risk.nightly", "succeeded", "promoted")


def test_the_next_rebuild_cleans_up_after_one_that_was_killed(rolling: Cloud) -> None:
    killed = rolling.start("killed", canary={"looks": 1, "look_seconds": 60})
    deadline = time.monotonic() + 60
    while "Hold" not in history(killed):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    client("stepfunctions").stop_execution(executionArn=killed)
    assert rolling.stage.document["canarySettings"]["percentTraffic"] == 5
    ended = rolling.run("next")
    assert ended.output["outcome"] == "promoted", ended
    assert ended.states.index("EndCanary") < ended.states.index("RefreshFeatures")
    assert "canarySettings" not in rolling.stage.document
    after, before = rolling.rebuilds
    assert (after.status, before.status) == ("succeeded", "failed")
    assert "ABORTED: its execution ended without closing the run" in str(before.error)
