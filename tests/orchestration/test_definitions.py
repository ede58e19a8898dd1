"""What must hold of every machine, without running it; `make asl` asks asl-validator besides."""

import json
import re
from typing import Any

import pytest

from tests.orchestration.cloud import MACHINES, PLACEHOLDER, substitutions

DOCUMENTS = {path.name: json.loads(path.read_text()) for path in MACHINES.glob("*.asl.json")}
STATES = [
    pytest.param(machine, name, state, id=f"{machine}:{name}")
    for machine, document in DOCUMENTS.items()
    for name, state in document["States"].items()
]
TASKS = [one for one in STATES if one.values[2]["Type"] == "Task"]  # type: ignore[index]
# Fields of JSONPath, the other dialect.
JSONPATH = {
    "InputPath",
    "OutputPath",
    "ResultPath",
    "ResultSelector",
    "Parameters",
    "Variable",
    "ItemsPath",
    "SecondsPath",
    "TimestampPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "ErrorPath",
    "CausePath",
}
# These catch what stops Step Functions' own work, so that nothing is retried that cannot do better.
BROAD = {"States.ALL", "States.TaskFailed"}


def nexts(state: dict[str, Any]) -> list[str]:
    """Every state that may follow."""
    ways = [*state.get("Catch", []), *state.get("Choices", [])]
    named = [state.get("Next"), state.get("Default"), *(way["Next"] for way in ways)]
    return [name for name in named if name]


def fields(value: Any) -> list[str]:
    """Every name in a document."""
    if isinstance(value, list):
        return [name for item in value for name in fields(item)]
    if isinstance(value, dict):
        return [*value, *(name for item in value.values() for name in fields(item))]
    return []


def test_the_machines_are_there() -> None:
    jobs = {"ingest", "refresh", "train", "evaluate", "batch", "drift", "rebuild"}
    assert set(DOCUMENTS) == {f"{job}.asl.json" for job in jobs}


@pytest.mark.parametrize("machine", DOCUMENTS)
def test_a_machine_is_bounded_speaks_jsonata_and_reaches_every_state(machine: str) -> None:
    document = DOCUMENTS[machine]
    assert document["QueryLanguage"] == "JSONata"
    assert document["TimeoutSeconds"] > 0
    reached, ahead = set(), [document["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name not in reached:
            reached.add(name)
            ahead += nexts(document["States"][name])
    assert reached == set(document["States"])


@pytest.mark.parametrize("machine", DOCUMENTS)
def test_a_machine_names_no_resource_but_by_known_placeholders(machine: str) -> None:
    text = (MACHINES / machine).read_text()
    assert set(PLACEHOLDER.findall(text)) <= set(substitutions("topic"))
    assert set(re.findall(r"arn:aws:[^\"]*", text)) == set(
        re.findall(r"arn:aws:states:::[a-zA-Z:.\-]+", text)
    )


def test_every_placeholder_is_used() -> None:
    texts = "".join((MACHINES / name).read_text() for name in DOCUMENTS)
    assert set(PLACEHOLDER.findall(texts)) == set(substitutions("topic"))


@pytest.mark.parametrize(("machine", "name", "state"), STATES)
def test_a_state_goes_on_or_ends_in_the_one_dialect(
    machine: str, name: str, state: dict[str, Any]
) -> None:
    assert (state["Type"] in ("Succeed", "Fail")) == (not nexts(state))
    if state["Type"] == "Choice":
        assert "Default" in state
    names = fields(state)
    assert not JSONPATH & set(names)
    assert not [one for one in names if one.endswith(".$")]


@pytest.mark.parametrize(("machine", "name", "state"), TASKS)
def test_a_task_is_bounded_retried_by_name_and_caught(
    machine: str, name: str, state: dict[str, Any]
) -> None:
    assert state["TimeoutSeconds"] > 0
    for retrier in state["Retry"]:
        assert not BROAD & set(retrier["ErrorEquals"])
        assert retrier["MaxAttempts"] <= 5
    assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_whatever_is_caught_ends_the_canary_and_closes_the_run() -> None:
    """But for what goes wrong before the run is open, when the canary may be another's."""
    states = DOCUMENTS["rebuild.asl.json"]["States"]
    early = {"OpenRun", "AskForOther", "CloseOther"}
    # From the end backwards: what has passed the canary's end need not do so again.
    tail = {
        "Notify": "HowDidItGo",
        "CloseRun": "Notify",
        "LookAtStage": "CloseRun",
        "EndCanary": "CloseRun",
        "LookWhoServes": "CloseRun",
        # Lambda refuses the request that wakes a version.
        "WakeFunction": "AwaitFunction",
        # A rollback waits for no questions; what is to be promoted does.
        "FindQuestions": "MustItBeAsked",
    }
    for name, state in states.items():
        if state["Type"] == "Task":
            expected = tail.get(name, "CaughtEarly" if name in early else "Caught")
            if name not in ("PromoteStage", "TakeBack"):
                assert state["Catch"][-1]["Next"] == expected, name
    assert states["Caught"]["Next"] == "LookAtStage"
    assert states["MustItBeAsked"]["Default"] == "Caught"
    assert states["PromoteStage"]["Catch"][-1]["Next"] == "LookWhoServes"
    assert states["TakeBack"]["Catch"][-1]["Next"] == "LookAtStage"
