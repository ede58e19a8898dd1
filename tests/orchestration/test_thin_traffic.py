"""A canary that hardly anybody calls: tried before any traffic, asked by the machine, or ended."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from hindcast.serving.handler import make_handler
from hindcast.serving.predictor import open_predictor
from hindcast.traffic.proxy_events import Context
from tests.orchestration.cloud import Cloud, answered, create, ping, substitutions
from tests.orchestration.test_canary import ended_as_it_began
from tests.orchestration.test_rebuild import closed, untouched

RUN = "rebuild-credit_risk.nightly"


def answers(cloud: Cloud, answer: Callable[[Any, str], Any]) -> None:
    """Let predict answer synthetic requests so, by event and release."""

    def handle(event: Any, version: Any) -> Any:
        said = ping(event, version)
        return answer(event, said["release"]) if "synthetic" in event else said

    cloud.functions.handlers = {**cloud.functions.handlers, "predict": handle}


@contextmanager
def real(cloud: Cloud) -> Iterator[Callable[[Any, str], Any]]:
    """The predict Lambda's own handler, by the release that a version is said to hold."""
    predictors = []

    def answer(event: Any, release: str) -> Any:
        application = cloud.home.application
        folder = application.release_folder(release)
        url = application.database_url
        given = replace(application.settings, release_dir=folder, database_url=url)
        predictors.append(open_predictor(given))
        return make_handler(predictors[-1])(event, Context())

    yield answer
    for predictor in predictors:
        predictor.close()


def sent(cloud: Cloud) -> list[int]:
    """How many synthetic requests each look sent, after the first that tries the version."""
    events = [
        json.loads(one["Payload"])
        for one in cloud.edge.made("lambda", "Invoke")
        if one["FunctionName"] == "predict"
    ]
    return [event["synthetic"]["times"] for event in events if "synthetic" in event][1:]


def test_a_canary_that_nobody_calls_is_judged_by_what_is_known(rolling: Cloud) -> None:
    """From the ids of the online store to answers by the release itself, and no line of a log."""
    with real(rolling) as answer:
        answers(rolling, answer)
        ended = rolling.run(
            "nightly", release="champion", canary={"looks": 2, "look_seconds": 0, "requests": 15}
        )
    assert ended.output["outcome"] == "promoted", ended
    assert sent(rolling) == [8, 7] * 3
    run = closed(rolling, RUN, "succeeded", "promoted")
    assert (run.outputs["canary"]["requests"], run.outputs["canary"]["synthetic"]) == (0, 15)


def test_callers_are_counted_and_only_what_lacks_is_asked(rolling: Cloud) -> None:
    rolling.stage.on_shift = lambda share: rolling.ask({5.0: 40, 25.0: 60}.get(share, 0))
    ended = rolling.run("nightly", release="champion")
    assert ended.output["outcome"] == "promoted", ended
    assert sent(rolling) == [60]  # The clocks of the next steps see the same minute.


def test_without_questions_of_its_own_a_quiet_canary_is_ended(rolling: Cloud) -> None:
    before = rolling.champion
    quiet = {"looks": 1, "look_seconds": 0, "synthetic": False}
    rolling.stage.on_shift = lambda share: rolling.ask(99) if share == 5 else None
    ended = rolling.run("nightly", release="champion", canary=quiet)
    assert (ended.status, ended.error) == ("FAILED", "TooFewRequests")
    ended_as_it_began(rolling, before)
    run = closed(rolling, RUN, "failed", "rolled back")
    assert str(run.error) == (
        "Judge: TooFewRequests: 99 requests, fewer than the 100 to judge by, at 5% of the traffic"
    )
    assert sent(rolling) == []


@pytest.mark.parametrize(
    ("asked", "failed", "slow", "error"),
    [
        (10, 1, 0, "AnswersFail: 2 of 100 requests failed, more than 1 % (503: the online store"),
        (0, 0, 2, "AnswersSlow: 2 of 100 synthetic requests took more than 500 ms"),
    ],
    ids=["failed", "slow"],
)
def test_answers_to_the_machine_count_as_those_to_callers(
    rolling: Cloud, asked: int, failed: int, slow: int, error: str
) -> None:
    def answer(event: Any, release: str) -> Any:
        is_first = event["synthetic"]["times"] == 1
        return answered(event, release, *((0, 0) if is_first else (failed, slow)))

    answers(rolling, answer)
    rolling.stage.on_shift = lambda _: rolling.ask(asked, 1) if asked else None
    before = rolling.champion
    ended = rolling.run("nightly", release="champion")
    assert ended.status == "FAILED"
    ended_as_it_began(rolling, before)
    assert error in str(closed(rolling, RUN, "failed", "rolled back").error)


def test_a_version_that_does_not_predict_meets_no_caller(rolling: Cloud) -> None:
    answers(rolling, lambda event, release: answered(event, release, failed=1))
    before = rolling.champion
    ended = rolling.run("nightly", release="champion")
    assert (ended.status, ended.error) == ("FAILED", "NoAnswer")
    untouched(rolling, before)
    assert "does not predict: 503: the online store does not answer" in str(
        closed(rolling, RUN, "failed", "failed").error
    )


def test_a_canary_that_could_not_tell_is_refused(rolling: Cloud) -> None:
    given = {**substitutions(rolling.topic), "AlarmSeconds": "420"}
    rolling.machines["patient"] = create("patient", "rebuild", given)
    for name, canary in (("short", {"looks": 3, "look_seconds": 60}), ("idle", {"requests": 0})):
        ended = rolling.run(name, "patient", canary=canary)
        assert (ended.status, ended.error) == ("FAILED", "CanaryTooShort"), canary
        assert "OpenRun" not in ended.states
        assert "take 420 s at least" in str(ended.cause)
