"""A stage's settings: who answers a request, by percent and chance alone."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest

from hindcast.errors import InputError
from hindcast.traffic import stage as stages
from hindcast.traffic.stage import Stage, parse

STABLE, CANARY = "m-1", "m-2"
UNTIL = datetime(2026, 1, 1, 12, tzinfo=UTC)


def document(
    percent: Any = 5.0, canary: Any = CANARY, release: Any = STABLE, until: Any = None
) -> dict[str, Any]:
    """As get_stage answers, with a canary of a release."""
    return {
        "stageName": "live",
        "deploymentId": "d1",
        "variables": {"predictVersion": release, "other": "kept"},
        "canarySettings": {
            "percentTraffic": percent,
            "deploymentId": "d1",
            "stageVariableOverrides": {
                "predictVersion": canary,
                **({} if until is None else {"canaryUntil": until}),
            },
            "useStageCache": False,
        },
    }


def test_the_stage_variable_names_the_release_and_its_override_the_canary() -> None:
    assert parse(document(25)) == Stage(STABLE, CANARY, 25.0)
    assert parse(document()).releases == (STABLE, CANARY)


@pytest.mark.parametrize(
    "stage", [Stage(STABLE), Stage(STABLE, CANARY, 25.0), Stage(STABLE, CANARY, 25.0, UNTIL)]
)
def test_a_stage_is_read_from_the_document_it_is_written_in(stage: Stage) -> None:
    assert parse(stages.document(stage)) == stage


@pytest.mark.parametrize(
    "changes",
    [
        {"canarySettings": None},
        {"canarySettings": {"percentTraffic": 5.0, "stageVariableOverrides": {"other": "x"}}},
        {"canarySettings": {"percentTraffic": 5.0}},
        {"variables": {"predictVersion": CANARY}},
    ],
    ids=["no settings", "another variable", "no override", "the same release"],
)
def test_without_a_release_of_its_own_there_is_no_canary(changes: dict[str, Any]) -> None:
    found = parse(document() | changes)
    assert found.canary is None
    assert found.pick(0.0) == found.release


@pytest.mark.parametrize("percent", [5, 25, 50, 99])
def test_requests_are_split_by_percent(percent: int) -> None:
    stage, chance, count = parse(document(percent)), random.Random(percent), 20_000
    share = sum(stage.pick(chance.random()) == CANARY for _ in range(count)) / count
    deviation = (percent / 100 * (1 - percent / 100) / count) ** 0.5
    assert abs(share - percent / 100) < 4 * deviation


@pytest.mark.parametrize(("percent", "who"), [(0, STABLE), (100, CANARY)])
def test_none_and_all_are_exact(percent: int, who: str) -> None:
    stage, chance = parse(document(percent)), random.Random(0)
    draws = [0.0, *(chance.random() for _ in range(1000)), 1 - 2**-53]
    assert {stage.pick(draw) for draw in draws} == {who}


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({}, "KeyError"),
        ({"variables": {}}, "predictVersion"),
        ({"variables": []}, "not API Gateway's"),
        ({"variables": {"predictVersion": ""}}, "is '', not a version"),
        (document(release=7), "is 7, not a version"),
        (document(canary=None), "is None, not a version"),
        (document(percent=101), "percentTraffic is 101"),
        (document(percent=-0.1), "percentTraffic is -0.1"),
        (document(percent=float("nan")), "percentTraffic is nan"),
        (document(percent=True), "percentTraffic is True"),
        (document(percent="5"), "percentTraffic is '5'"),
        (document(until="soon"), "canaryUntil"),
        (document() | {"canarySettings": "5%"}, "not API Gateway's"),
    ],
)
def test_settings_that_are_none_are_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(InputError, match=why):
        parse(wrong)
