"""The deployed control API, called by requests that IAM's signatures let in: who may, and a job."""

import hashlib
from collections.abc import Iterator

import pytest
from botocore.credentials import Credentials

from hindcast import names
from hindcast.client import RefusedError
from tests.e2e import control, emulator
from tests.e2e.control import DeployedControl
from tests.e2e.local_aws import ACCOUNT
from tests.e2e.world import World
from tests.integration.hindsight import Home

pytestmark = pytest.mark.skipif(bool(emulator.missing()), reason=str(emulator.missing()))
ANN = f"arn:aws:sts::{ACCOUNT}:assumed-role/operator/ann"
LINES = "line,cid,country,shop_no,at,amount,late,status,delay\n"
PURCHASE = "900001,c-1,DE,1,2024-06-01T00:00:00+00:00,9.99,0,early,1.5\n"


@pytest.fixture(scope="module")
def deployed_control(deployed: World, home: Home) -> Iterator[DeployedControl]:
    with control.controlled(deployed, home) as api:
        yield api


def test_a_job_runs_as_an_execution_for_the_role_that_iam_says_the_caller_has(
    deployed_control: DeployedControl, deployed: World, home: Home
) -> None:
    lake = f"{deployed.deployment.named('lake')}-{ACCOUNT}-{deployed.deployment.region}"
    body = (LINES + PURCHASE).encode()
    deployed.aws.client("s3").put_object(Bucket=lake, Key="incoming/purchases/more.csv", Body=body)
    # S3's event brings it in too, by the same process, which does one thing at a time.
    control.wait_for_file(home, f"s3://{lake}/incoming/purchases/more.csv")
    api = deployed_control.client(deployed_control.session("operator", "ann"))
    run = api.start("ingest", files=[f"s3://{lake}/incoming/purchases/"], source="purchases")
    ended = api.wait(run, seconds=60, every=0.1)
    assert ended.error is None
    assert ended.outputs["digest"] == hashlib.sha256(body).hexdigest()
    assert home.application.lake.has(ended.outputs["digest"], names.RAW, "purchases")
    assert home.application.ledger.find_run(run.id).by == ANN
    assert control.execution(deployed, run.id)["status"] == "SUCCEEDED"


def test_a_role_may_do_what_the_deployment_lets_it_and_nothing_else(
    deployed_control: DeployedControl,
) -> None:
    viewer = deployed_control.client(deployed_control.session("viewer", "bob"))
    assert viewer.status()["models"]
    with pytest.raises(RefusedError, match="is a viewer; this takes an operator"):
        viewer.start("ingest", files=["s3://lake/incoming/"])
    nobody = deployed_control.client(deployed_control.session("nobody", "eve"))
    with pytest.raises(RefusedError, match="role/nobody/eve has no role in this deployment"):
        nobody.status()


def test_iam_lets_nobody_in_without_its_leave_and_a_signature(
    deployed_control: DeployedControl,
) -> None:
    known = deployed_control.session("viewer", "bob")
    outside = deployed_control.session("outside", "eve", may=False)
    guessed = Credentials(known.access_key, "guessed", known.token)
    for who, why in ((outside, "is not authorized"), (guessed, "signature")):
        with pytest.raises(RefusedError, match=why) as refused:
            deployed_control.client(who).status()
        assert refused.value.status == 403
    with pytest.raises(RefusedError, match="Missing Authentication Token") as refused:
        control.unsigned(deployed_control).status()
    assert refused.value.status == 403
