"""The runbooks are true: their commands exist, their names are those of the templates."""

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from hindcast.cli import app
from infra import config
from infra.choices import Canary
from infra.constructs.jobs import JOBS
from infra.constructs.replication import REPLICATED
from infra.delivery import __main__ as delivery
from tests.infra import commands
from tests.infra.deployments import STACKS
from tests.infra.resources import Template, properties
from tests.infra.test_monitoring import WINDOWS

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "operations.md"
RECOVERY = ROOT / "docs" / "recovery.md"
TEXT = DOCUMENT.read_text() + RECOVERY.read_text()
COMMANDS = commands.expanded(DOCUMENT) + commands.expanded(RECOVERY)
AWS = list(commands.commands(COMMANDS, "aws"))
Stacks = dict[str, Template]


def test_commands_are_found() -> None:
    assert len(AWS) > 20


@pytest.mark.parametrize("words", AWS, ids=lambda words: " ".join(words[1:3]))
def test_the_aws_cli_takes_the_command(words: list[str]) -> None:
    assert commands.problems(words) == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("aws foo list", "no service 'foo'"),
        ("aws kms list-ky", "no operation 'list-ky' of kms"),
        ("aws kms describe-key", "--key-id is missing"),
        ("aws kms describe-key --key-id x --deep", "no option --deep"),
        ("aws kms describe-key --key-id x y", "'y' belongs to no option"),
        ("aws rds wait instance-well", "no waiter 'instance-well' of rds"),
        ("aws kms wait key-enabled", "no waiters of kms"),
        ("aws logs tail /x --until 1h", "no option --until"),
        (
            "aws apigateway update-stage --rest-api-id x --stage-name y --patch-operations pth=/z",
            "--patch-operations: no key 'pth'",
        ),
        (
            "aws lambda invoke --function-name x --payload '{}' out.json",
            "--payload needs --cli-binary-format raw-in-base64-out",
        ),
    ],
)
def test_a_wrong_command_is_found(command: str, problem: str) -> None:
    for words in commands.commands(command, "aws"):
        assert commands.problems(words) == [problem]


def test_commands_are_read_as_a_shell_reads_them() -> None:
    line = "KEY=$(aws kms list-keys --query 'f(a)' --output text) | cat; aws s3 ls s3://x > y # aws"
    assert list(commands.commands(line, "aws")) == [
        ["aws", "kms", "list-keys", "--query", "f(a)", "--output", "text"],
        ["aws", "s3", "ls", "s3://x"],
    ]


def test_every_hindcast_command_exists() -> None:
    group: Any = typer.main.get_command(app)
    for program in ("hindcast", ".venv/bin/hindcast"):
        for _, name, *rest in commands.commands(COMMANDS, program):
            options = {text for one in group.commands[name].params for text in one.opts}
            assert {word for word in rest if word.startswith("--")} <= options, name


def test_every_make_target_and_variable_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    asked = list(commands.commands(COMMANDS, "make"))
    assert asked
    for _, *words in asked:
        for word in words:
            variable, given, _ = word.partition("=")
            assert variable in targets or (given and variable in makefile), word


def test_everything_that_python_runs_exists() -> None:
    for _, what, *rest in commands.commands(COMMANDS, ".venv/bin/python"):
        if what == "-m":
            assert importlib.util.find_spec(rest[0]), rest[0]
            assert rest[0] != "infra.delivery" or rest[1] in delivery.STEPS, rest[1]
        elif what == "-c":
            compile(rest[0], "docs/operations.md", "exec")
        else:
            assert (ROOT / what).is_file(), what


def test_every_action_is_one_of_the_control_function() -> None:
    from lambdas.control import handler as control

    asked = set(re.findall(r'"action": "(\w+)"', TEXT))
    assert asked
    assert asked <= set(control.ACTIONS)


def test_every_stack_and_resource_has_its_name_from_the_templates(stacks: Stacks) -> None:
    everything = json.dumps(stacks)
    named = set(re.findall(r"hindcast-(?:staging|production|main)(?:-[a-z]+)*", COMMANDS + TEXT))
    assert {name for name in named if name not in everything and name not in STACKS} == set()


def test_every_alarm_has_its_entry_and_says_where(stacks: Stacks) -> None:
    subjects = (*config.PRODUCTION.models, *config.PRODUCTION.views, "batch", *JOBS, *REPLICATED)
    subjects += tuple(f"{model}-{w}" for model in config.PRODUCTION.models for w in WINDOWS)
    monitoring = stacks["hindcast-production-monitoring"]
    for alarm in [
        *properties(monitoring, "AWS::CloudWatch::Alarm"),
        *properties(monitoring, "AWS::CloudWatch::CompositeAlarm"),
    ]:
        name = alarm["AlarmName"].removeprefix("hindcast-production-")
        [(path, anchor)] = re.findall(r"(docs/[\w-]+\.md)#([\w-]+)", alarm["AlarmDescription"])
        assert f"\n### {anchor}\n" in (ROOT / path).read_text(), f"{name}: {path}#{anchor}"
        assert name in (anchor, *(f"{anchor}-{one}" for one in subjects)), name


def test_the_numbers_are_those_of_the_config() -> None:
    text = " ".join(TEXT.split())
    staging, production = config.STAGING.sizes, config.PRODUCTION.sizes
    # Of each model; and of collect-log and ingest.
    reserved = [
        one.sizes.predict_concurrency * len(one.models) + 4
        for one in (config.STAGING, config.PRODUCTION)
    ]
    assert f"({reserved[0]} for staging, {reserved[1]} for production;" in text
    concurrency = f"{staging.predict_concurrency} / {production.predict_concurrency}"
    assert f"`predict_concurrency` {concurrency}" in text
    rates = f"{staging.requests_per_second} / {production.requests_per_second}"
    assert f"`requests_per_second` {rates}" in text
    looks = Canary().looks * len(Canary().steps)
    assert f"`Canary()` makes {looks}" in text


def test_every_link_leads_somewhere() -> None:
    own = anchors(TEXT)
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXT):
        path, _, anchor = target.partition("#")
        is_ours = not path.startswith("https://")
        assert not path or not is_ours or (DOCUMENT.parent / path).exists(), target
        assert path or anchor in own, target


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown renderer gives to headings."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
