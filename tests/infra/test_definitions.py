"""State machine definitions: every placeholder has a value, every value a placeholder."""

import re
from pathlib import Path
from typing import Any

import pytest

from infra.addresses import CANARY_ALARMS
from infra.constructs.definitions import FOLDER, PlaceholderError, definition
from infra.constructs.jobs import JOBS
from tests.infra.deployments import MARKET, MODELS
from tests.infra.resources import Template, properties, text

# CloudWatch has a minute's metrics two minutes later at most.
SECONDS_UNTIL_METRICS = 120
CANARY_ERRORS = f"{MARKET.prefix}-canary-errors"


def test_a_placeholder_without_value_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.asl.json").write_text('{"A": "${Given}", "B": "${Forgotten}"}')
    with pytest.raises(PlaceholderError, match=r"no value for \$\{Forgotten\}"):
        definition("one", {"Given": "x"}, tmp_path)


def test_a_value_without_placeholder_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.asl.json").write_text('{"A": "${Given}"}')
    with pytest.raises(PlaceholderError, match=r"has no \$\{Unused\}"):
        definition("one", {"Given": "x", "Unused": "y"}, tmp_path)


def test_a_definition_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlaceholderError, match="no such definition"):
        definition("none", {}, tmp_path)


@pytest.mark.parametrize(
    ("name", "machine"),
    [("refresh", "refresh"), ("rebuild", "rebuild-credit"), ("rebuild", "rebuild-credit-v2")],
)
def test_the_template_has_the_file_and_its_values(
    stacks: dict[str, Template], name: str, machine: str
) -> None:
    made = machines(stacks)[machine]
    text = (FOLDER / f"{name}.asl.json").read_text()
    assert made["DefinitionString"] == text
    assert set(made["DefinitionSubstitutions"]) == set(re.findall(r"\$\{(\w+)\}", text))


def machines(stacks: dict[str, Template]) -> dict[str, Any]:
    """The machines of the deployment of two models, by their names without the deployment's."""
    found = properties(stacks[f"{MARKET.prefix}-orchestration"], "AWS::StepFunctions::StateMachine")
    return {one["StateMachineName"].removeprefix(f"{MARKET.prefix}-"): one for one in found}


def test_a_canary_watches_alarms_that_exist_and_none_of_another_model(
    stacks: dict[str, Template],
) -> None:
    alarms = properties(stacks[f"{MARKET.prefix}-monitoring"], "AWS::CloudWatch::Alarm")
    made = {one["AlarmName"] for one in alarms}
    rebuilds = machines(stacks)
    watched = {
        model: set(rebuilds[f"rebuild-{model}"]["DefinitionSubstitutions"]["AlarmNames"].split(","))
        for model in MODELS
    }
    for model in MODELS:
        assert watched[model] == {MARKET.of_model(alarm, model) for alarm in CANARY_ALARMS}
        assert watched[model] <= made
    assert not set.intersection(*watched.values())


def test_a_canary_lasts_longer_than_its_alarms_need(stacks: dict[str, Template]) -> None:
    """And it judges as they do: by the same limits, at the same stage's canary."""
    alarms = properties(stacks[f"{MARKET.prefix}-monitoring"], "AWS::CloudWatch::Alarm")
    for model in MODELS:
        given = machines(stacks)[f"rebuild-{model}"]["DefinitionSubstitutions"]
        watched = [one for one in alarms if one["AlarmName"] in given["AlarmNames"].split(",")]
        slowest = max(one["EvaluationPeriods"] * seconds(one) for one in watched)
        assert slowest + SECONDS_UNTIL_METRICS <= int(given["AlarmSeconds"])
        [errors] = [one for one in watched if one["AlarmName"].startswith(CANARY_ERRORS)]
        stats = [one["MetricStat"] for one in errors["Metrics"] if "MetricStat" in one]
        asked = [one["Value"] for one in stats[0]["Metric"]["Dimensions"]]
        assert asked == [given["ApiName"], f"{model}/Canary"]
        assert float(given["ErrorPercent"]) == errors["Threshold"]


def seconds(alarm: dict[str, Any]) -> int:
    """The period of an alarm's metric, or of the metrics of its expression."""
    if "Period" in alarm:
        return int(alarm["Period"])
    stats = [one["MetricStat"] for one in alarm["Metrics"] if "MetricStat" in one]
    return max(int(stat["Period"]) for stat in stats)


def test_models_share_what_is_no_models_own(stacks: dict[str, Template]) -> None:
    given = [machines(stacks)[f"rebuild-{model}"]["DefinitionSubstitutions"] for model in MODELS]
    one, other = ({name: text(value) for name, value in each.items()} for each in given)
    assert {name for name in one if one[name] != other[name]} == {
        "AlarmNames",
        "ApiExecutionArn",
        "BuildProjectName",
        "ModelName",
        "PredictFunctionName",
        "PredictRepositoryUri",
        "StageName",
        "TrainJobPrefix",
    }


def test_all_definitions_are_deployed() -> None:
    made = {f"{name}.asl.json" for name in ("batch", "refresh", "rebuild", *JOBS)}
    assert {path.name for path in FOLDER.glob("*.asl.json")} == made
