"""The second region takes over: in which order, by which backups, and what it says is lost."""

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from infra import fail_over
from infra.config import CAPABILITIES, PRODUCTION
from infra.delivery.step import DeliveryError
from tests.infra.delivery.conftest import VERSION, Calls, Commands
from tests.infra.delivery.permissions import ACCOUNT
from tests.infra.deployments import STANDBY
from tests.orchestration.aws import refusal

PREFIX, PLACE = "hindcast-production-standby", f"eu-central-1:{ACCOUNT}"
LATER = datetime(2026, 11, 29, 6, 55, tzinfo=UTC)
BACKUPS = [
    {"DBInstanceAutomatedBackupsArn": "arn:aws:rds:eu-central-1:1:auto-backup:ab-new"}
    | {"RestoreWindow": {"LatestTime": LATER}},
    {"DBInstanceAutomatedBackupsArn": "arn:aws:rds:eu-central-1:1:auto-backup:ab-old"}
    | {"RestoreWindow": {"LatestTime": datetime(2026, 11, 28, tzinfo=UTC)}},
    {"DBInstanceAutomatedBackupsArn": "arn:aws:rds:eu-central-1:1:auto-backup:ab-none"}
    | {"RestoreWindow": {}},
]
LOST = "ledger: it ends at place 46, and a head was kept of place 64: 18 entries"


class Region:
    """The second region's AWS, which answers; its control function says what is lost."""

    def __init__(self, aws: Calls) -> None:
        self.backups, self.error = BACKUPS, dict[str, str]()
        aws.fakes.update(
            {
                ("rds", "DescribeDBInstanceAutomatedBackups"): lambda given: {
                    "DBInstanceAutomatedBackups": self.backups
                },
                ("ecr", "GetAuthorizationToken"): lambda given: {
                    "authorizationData": [
                        {"authorizationToken": "QVdTOng=", "proxyEndpoint": "https://registry"}
                    ]
                },
                ("lambda", "UpdateFunctionCode"): lambda given: {},
                ("lambda", "GetFunctionConfiguration"): lambda given: {
                    "LastUpdateStatus": "Successful"
                },
                ("lambda", "GetFunction"): lambda given: {
                    "Configuration": {"LastUpdateStatus": "Successful"}
                },
                ("lambda", "Invoke"): self.invoke,
                ("stepfunctions", "StartExecution"): self.start,
                ("stepfunctions", "DescribeExecution"): lambda given: {
                    "status": "SUCCEEDED",
                    "output": '{"outcome": "promoted", "release": "r", "version": "2"}',
                },
            }
        )

    def invoke(self, given: dict[str, Any]) -> dict[str, Any]:
        asked = json.loads(given["Payload"])
        if asked["action"] == "recover" and self.error:
            return {"Payload": answer(self.error), "FunctionError": "Unhandled"}
        return {"Payload": answer({"lost": [LOST], "added": ["raw/loans: version 2, kept"]})}

    def start(self, given: dict[str, Any]) -> dict[str, Any]:
        if "hold" in given["input"]:  # Before its first deployment there is none.
            raise refusal("StateMachineDoesNotExist", "there is none", "StartExecution")
        return {"executionArn": given["stateMachineArn"]}


def answer(document: dict[str, Any]) -> io.BytesIO:
    return io.BytesIO(json.dumps(document).encode())


@pytest.fixture
def region(aws: Calls) -> Region:
    return Region(aws)


def test_it_fences_restores_recovers_and_rolls_out_without_the_first_region(
    aws: Calls, region: Region, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail_over.main(["production", VERSION]) == 0
    fence, deploy = [noted for noted in commands.noted if " deploy " in noted]
    assert f" deploy {PREFIX}-recovery " in fence
    assert f"--parameters {PREFIX}-recovery:Fenced=yes" in fence
    listed = " ".join(f"{PREFIX}-{one}" for one in CAPABILITIES if one != "access")
    assert f" deploy {listed} --app cdk.out " in deploy
    assert f"{PREFIX}-data:AutomatedBackups=arn:aws:rds:eu-central-1:1:auto-backup:ab-new" in deploy
    assert f"{PREFIX}-recovery:Fenced=yes" in deploy
    assert f"{PREFIX}-models:ApplicationVersion={VERSION}" in deploy
    asked = [json.loads(given["Payload"]) for given in aws.made("lambda", "Invoke")]
    heads = f"s3://hindcast-production-heads-{ACCOUNT}-eu-central-1/ledger"
    assert asked == [{"action": "migrate"}, {"action": "recover", "heads": heads}]
    said = capsys.readouterr().out
    assert f"the ledger is restored as of {LATER.isoformat()}" in said
    assert f"lost: {LOST}\nthere: raw/loans: version 2, kept\n" in said
    rolled = [given["stateMachineArn"] for given in aws.made("stepfunctions", "StartExecution")]
    machines = [STANDBY.of_model("rebuild", model) for model in STANDBY.models]
    assert rolled[-len(machines) :] == [
        f"arn:aws:states:{PLACE}:stateMachine:{m}" for m in machines
    ]


def test_it_ends_in_one_line_where_it_cannot_go_on(
    region: Region, commands: Commands, capsys: pytest.CaptureFixture[str]
) -> None:
    region.error = {"errorType": "DamagedError", "errorMessage": "raw/loans: x is changed"}
    assert fail_over.main(["production", VERSION]) == 1
    said = capsys.readouterr().err
    assert said == (
        f"infra.fail_over: {PREFIX}-control failed: DamagedError: raw/loans: x is changed\n"
    )
    region.backups = []
    assert fail_over.main(["production", VERSION]) == 1
    assert "eu-central-1 has no backups of hindcast-production-pos" in capsys.readouterr().err
    assert fail_over.main(["staging", VERSION]) == 1
    assert "staging: infra/config.py gives it no recovery region" in capsys.readouterr().err
    assert fail_over.main(["production"]) == 2


def test_a_deployment_whose_standby_is_named_is_found() -> None:
    with pytest.raises(DeliveryError, match="gives it no recovery region"):
        fail_over.take_over(STANDBY, VERSION)
    assert PRODUCTION.standby == STANDBY
