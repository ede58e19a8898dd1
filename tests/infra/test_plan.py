"""The plan: every change in a line, without AWS."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra import app, plan

QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "a", "Tags": [{"Key": "k"}]}}
DATA = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}


def test_nothing_changed() -> None:
    same = {"stack": {"Resources": {"Queue": QUEUE}}}
    assert list(plan.plan(same, same)) == ["No changes"]


def test_each_change_is_a_line() -> None:
    other = {**QUEUE, "Properties": {"QueueName": "b", "Tags": [{"Key": "k"}], "Delay": 1}}
    before = {"stack": {"Resources": {"Queue": QUEUE, "Data": DATA}}}
    after = {"stack": {"Resources": {"Queue": other, "New": QUEUE}}}
    assert list(plan.plan(before, after)) == [
        "Stack stack",
        "  - AWS::S3::Bucket Data (what it stores stays)",
        "  + AWS::SQS::Queue New",
        "  ~ AWS::SQS::Queue Queue (replaced by a new one, for its QueueName)",
        "      Properties.Delay: nothing -> 1",
        '      Properties.QueueName: "a" -> "b"',
    ]


def template(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"Resources": {"It": {"Type": kind, "Properties": properties}}}


@pytest.mark.parametrize(
    ("kind", "before", "after", "title"),
    [
        ("AWS::SQS::Queue", {"DelaySeconds": 1}, {"DelaySeconds": 2}, ""),
        ("AWS::RDS::DBInstance", {"DBName": "a"}, {"DBName": "b"}, "for its DBName)"),
        ("AWS::RDS::DBInstance", {}, {"KmsKeyId": "k"}, "for its KmsKeyId)"),
        ("Custom::Thing", {"Name": "a"}, {"Name": "b"}, ""),
    ],
)
def test_a_resource_that_makes_way_for_a_new_one_is_marked(
    kind: str, before: dict[str, Any], after: dict[str, Any], title: str
) -> None:
    [first, *_] = plan.changes(template(kind, before), template(kind, after))
    assert first.endswith(title)
    assert ("replaced" in first) == bool(title)


def test_a_resource_of_another_type_replaces_the_one_before() -> None:
    found = plan.changes(template("A", {}), template("B", {}))
    assert next(found) == "~ B It (replaces a A)"


def test_the_command_compares_what_was_synthesized_with_the_app_as_it_is(
    assembly: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = tmp_path / "cdk.out"
    before.mkdir()
    name = "hindcast-staging-network"
    for path in assembly.glob("*.template.json"):
        shutil.copy(path, before)
    changed = plan.templates(before)[name]
    changed["Resources"].popitem()
    changed["Description"] = "not a section that is compared"
    (before / f"{name}.template.json").write_text(json.dumps(changed))
    monkeypatch.setattr(app, "build", lambda folder, deliveries: _Synthesized(assembly, folder))
    assert plan.main([str(before)]) == 0
    stack, added = capsys.readouterr().out.splitlines()
    assert (stack, added[:4]) == (f"Stack {name}", "  + ")


@dataclass
class _Synthesized:
    """The app, synthesized already."""

    assembly: Path
    folder: Path

    def synth(self) -> None:
        shutil.copytree(self.assembly, self.folder, dirs_exist_ok=True)


def test_without_templates_it_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan.main([str(tmp_path)]) == 2
    assert "run: make synth" in capsys.readouterr().err
