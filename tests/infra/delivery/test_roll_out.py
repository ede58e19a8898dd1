"""The new code comes to traffic through the rebuild machine, whose end is the step's."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from infra.config import STAGING
from infra.delivery import roll_out
from infra.delivery.step import DeliveryError, Variables
from tests.infra.delivery.conftest import MODEL, VERSION, Calls, client, machine
from tests.infra.delivery.permissions import refused
from tests.infra.deployments import ACCESS_STACK
from tests.infra.resources import Template

FAILS = {"Type": "Fail", "Error": "AlarmRinging", "Cause": "WatchAlarms: api-errors at 5%"}


def ends(state: dict[str, Any], model: str = MODEL) -> str:
    return machine({"StartAt": "End", "States": {"End": state}}, model)


@pytest.fixture(autouse=True)
def other(aws: Calls) -> None:
    """Staging's other model rolls out well."""
    ends(promoted(), "late_payment")


def promoted(outcome: str = "promoted") -> dict[str, Any]:
    output = {"outcome": outcome, "release": "risk-1", "version": "8", "asked.$": "$"}
    return {"Type": "Pass", "Parameters": output, "End": True}


def executions(arn: str) -> list[str]:
    found = client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    return sorted(one["name"] for one in found)


def patient(variables: Variables) -> None:
    """Look again at once."""
    roll_out.run(variables, pause=lambda seconds: None)


def test_it_rolls_out_the_champion_under_the_versions_name(
    stacks: dict[str, Template],
    aws: Calls,
    variables: Variables,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arn = ends(promoted())
    aws.calls.clear()
    patient(variables)
    made = [call for call in aws.calls if call[0] in ("stepfunctions", "sts")]
    assert refused(stacks[ACCESS_STACK], "Deliveryrollout", made) == []
    given, other = aws.made("stepfunctions", "StartExecution")
    assert executions(arn) == [f"delivery-{VERSION}"]
    assert roll_out.rolled(STAGING) == {
        "release": "champion",
        "canary": asdict(STAGING.canary),
    }
    assert given["input"] == other["input"] == json.dumps(roll_out.rolled(STAGING))
    assert "promoted: release risk-1, version 8" in capsys.readouterr().out


def test_nothing_to_roll_out_is_no_failure(
    aws: Calls, variables: Variables, capsys: pytest.CaptureFixture[str]
) -> None:
    ends(promoted("nothing to roll out"))
    patient(variables)
    assert "nothing to roll out" in capsys.readouterr().out


def test_a_model_that_fails_stops_no_other_and_fails_the_delivery(
    aws: Calls, variables: Variables, capsys: pytest.CaptureFixture[str]
) -> None:
    ends(FAILS)
    with pytest.raises(DeliveryError, match=r"rebuild-credit_risk:.*: AlarmRinging: WatchAlarms"):
        patient(variables)
    assert "promoted: release risk-1, version 8" in capsys.readouterr().out


def test_another_rebuild_under_way_is_said_so(aws: Calls, variables: Variables) -> None:
    ends({"Type": "Fail", "Error": "AlreadyRunning", "Cause": "OpenRun: rebuild-sunday"})
    with pytest.raises(DeliveryError, match="rebuild-sunday; try again when it has ended"):
        patient(variables)


def test_a_step_that_is_tried_again_starts_anew_only_what_failed(
    aws: Calls, variables: Variables
) -> None:
    arn = ends(FAILS)
    for _ in range(2):
        with pytest.raises(DeliveryError):
            patient(variables)
    ends(promoted())
    for _ in range(2):
        patient(variables)
    assert executions(arn) == [f"delivery-{VERSION}{more}" for more in ("", "-2", "-3")]


def test_a_roll_out_under_way_is_joined(aws: Calls, variables: Variables) -> None:
    arn = ends({"Type": "Wait", "Seconds": 600, "End": True})
    states = client("stepfunctions")
    first = roll_out.start(states, STAGING, MODEL, VERSION)
    assert roll_out.start(states, STAGING, MODEL, VERSION) == first
    states.stop_execution(executionArn=first)
    assert executions(arn) == [f"delivery-{VERSION}"]
    with pytest.raises(DeliveryError, match="ABORTED"):
        roll_out.wait(states, first, pause=lambda seconds: None)
