"""State machine definitions: every placeholder has a value, every value a placeholder."""

import re
from pathlib import Path

import pytest

from infra.constructs.definitions import FOLDER, PlaceholderError, definition
from tests.infra.resources import Template


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


@pytest.mark.parametrize("name", ["refresh", "rebuild"])
def test_the_template_has_the_file_and_its_values(stacks: dict[str, Template], name: str) -> None:
    found = [
        one["Properties"]
        for one in stacks["hindcast-staging-orchestration"]["Resources"].values()
        if one["Type"] == "AWS::StepFunctions::StateMachine"
        and one["Properties"]["StateMachineName"] == f"hindcast-staging-{name}"
    ]
    (machine,) = found
    text = (FOLDER / f"{name}.asl.json").read_text()
    assert machine["DefinitionString"] == text
    assert set(machine["DefinitionSubstitutions"]) == set(re.findall(r"\$\{(\w+)\}", text))


def test_the_canary_watches_alarms_that_exist(stacks: dict[str, Template]) -> None:
    machine = next(
        one["Properties"]
        for one in stacks["hindcast-production-orchestration"]["Resources"].values()
        if one.get("Properties", {}).get("StateMachineName") == "hindcast-production-rebuild"
    )
    watched = machine["DefinitionSubstitutions"]["AlarmNames"].split(",")
    monitoring = stacks["hindcast-production-monitoring"]["Resources"].values()
    alarms = {one["Properties"].get("AlarmName") for one in monitoring}
    assert watched
    assert set(watched) <= alarms


def test_all_definitions_are_deployed() -> None:
    assert {path.name for path in FOLDER.glob("*.asl.json")} == {
        "refresh.asl.json",
        "rebuild.asl.json",
    }
