"""The command: its steps, and one line for whatever is wrong."""

import pytest

from infra.delivery.__main__ import STEPS, main
from tests.infra.delivery.conftest import Calls


@pytest.mark.parametrize("argv", [[], ["release"], ["build", "migrate"]])
def test_a_step_must_be_named(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv, {}) == 2
    assert capsys.readouterr().err == (f"infra.delivery: name one step of {', '.join(STEPS)}\n")


GIVEN = {
    "build": ["VERSION", "DEPLOYMENTS"],
    "publish": ["DEPLOYMENT", "VERSION"],
    "infrastructure": ["DEPLOYMENT", "VERSION"],
    "migrate": ["DEPLOYMENT", "VERSION"],
    "application": ["DEPLOYMENT", "VERSION"],
    "roll-out": ["DEPLOYMENT", "VERSION"],
    "smoke-test": ["DEPLOYMENT"],
    "release-image": ["RELEASE", "RELEASES", "REPOSITORY", "IMAGE_TAG", "AWS_REGION"],
}


@pytest.mark.parametrize(
    ("step", "missing"), [(step, one) for step, names in GIVEN.items() for one in names]
)
def test_a_variable_that_is_missing_is_named(
    step: str, missing: str, aws: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {"DEPLOYMENT": "staging", "DEPLOYMENTS": "staging,production"}
    given = {name: values.get(name, "some") for name in GIVEN[step] if name != missing}
    assert main([step], given) == 1
    assert capsys.readouterr().err == f"{step}: the variable {missing} is not set\n"
    assert aws.calls == []


def test_a_deployment_that_is_not_declared_is_refused(
    aws: Calls, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["migrate"], {"DEPLOYMENT": "mars", "VERSION": "1"}) == 1
    assert capsys.readouterr().err.startswith(
        "migrate: infra/config.py has no deployment 'mars', only staging, production;"
    )
    assert aws.calls == []


def test_what_aws_refuses_is_one_line(aws: Calls, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["application"], {"DEPLOYMENT": "staging", "VERSION": "1"}) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "hindcast-staging-features does not exist" in error
