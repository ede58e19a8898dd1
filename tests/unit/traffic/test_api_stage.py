"""A stage of API Gateway: its settings by get_stage, its versions by what describes them."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from moto import mock_aws

from hindcast.errors import HindcastError, InputError
from hindcast.traffic.api_stage import SECONDS_BETWEEN_LOOKS, ApiStage
from hindcast.traffic.stage import Stage
from tests.orchestration.aws import Edge
from tests.orchestration.stage import Stage as FakeStage

REGION = "eu-west-1"
FUNCTION = "hindcast-test-predict"


@dataclass
class Cloud:
    """API Gateway and Lambda in moto; `edge` can answer in their place."""

    edge: Edge
    api: str = ""

    def client(self, service: str) -> Any:
        return boto3.client(service, region_name=REGION)

    def deploy(self, version: str) -> str:
        """A REST API with a stage whose variable names this version; the API's id."""
        gateway = self.client("apigateway")
        api = gateway.create_rest_api(name="hindcast-test")["id"]
        [root] = gateway.get_resources(restApiId=api)["items"]
        place = {"restApiId": api, "resourceId": root["id"], "httpMethod": "GET"}
        gateway.put_method(**place, authorizationType="NONE")
        gateway.put_integration(**place, type="MOCK")
        variables = {"predictVersion": version}
        gateway.create_deployment(restApiId=api, stageName="live", variables=variables)
        return str(api)

    def publish(self, *releases: str) -> None:
        """A version of the function for each release, as the rebuild machine describes them."""
        role = self.client("iam").create_role(
            RoleName="predict", AssumeRolePolicyDocument="{}", Path="/"
        )["Role"]["Arn"]
        functions = self.client("lambda")
        functions.create_function(
            FunctionName=FUNCTION,
            Role=role,
            Runtime="python3.11",
            Handler="handler.handler",
            Code={"ZipFile": _archive("")},
        )
        for release in releases:
            # Lambda publishes no version of code that has not changed.
            functions.update_function_code(FunctionName=FUNCTION, ZipFile=_archive(release))
            functions.publish_version(FunctionName=FUNCTION, Description=release)


def _archive(content: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("handler.py", f"RELEASE = {content!r}")
    return buffer.getvalue()


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_REGION", REGION)
    with mock_aws(config={"lambda": {"use_docker": False}}):
        edge = Edge()
        edge.install(monkeypatch)
        yield Cloud(edge)


def test_a_stage_variable_that_names_a_release(cloud: Cloud) -> None:
    api = cloud.deploy("m-1")
    assert ApiStage(api, "live").read() == Stage("m-1")


def test_versions_become_releases_by_their_descriptions(cloud: Cloud) -> None:
    cloud.publish("m-1", "m-2")
    # moto accepts canary settings and keeps none of them.
    fake = FakeStage()
    fake.document["canarySettings"] = {
        "percentTraffic": 25.0,
        "stageVariableOverrides": {"predictVersion": "2"},
    }
    cloud.edge.fakes.update(fake.fakes)
    assert ApiStage("any", "live", FUNCTION).read() == Stage("m-1", "m-2", 25.0)


def test_a_version_that_names_no_release_is_refused(cloud: Cloud) -> None:
    cloud.publish("")
    api = cloud.deploy("1")
    with pytest.raises(InputError, match=f"version 1 of function {FUNCTION} has no description"):
        ApiStage(api, "live", FUNCTION).read()


@pytest.mark.parametrize(("stage", "function"), [("other", None), ("live", "no-such")])
def test_what_is_not_there_is_one_line(cloud: Cloud, stage: str, function: str | None) -> None:
    api = cloud.deploy("1")
    with pytest.raises(HindcastError, match=f"stage '{stage}' of API {api}: .*NotFound"):
        ApiStage(api, stage, function).read()


def test_it_is_asked_now_and_then_and_tells_changes_only(cloud: Cloud) -> None:
    api, now = cloud.deploy("m-1"), [100.0]
    changes = ApiStage(api, "live").changes(lambda: now[0])

    def point(release: str) -> None:
        patch = {"op": "replace", "path": "/variables/predictVersion", "value": release}
        cloud.client("apigateway").update_stage(
            restApiId=api, stageName="live", patchOperations=[patch]
        )

    assert changes() == Stage("m-1")
    point("m-2")
    assert changes() is None
    now[0] += SECONDS_BETWEEN_LOOKS
    assert changes() == Stage("m-2")
    now[0] += SECONDS_BETWEEN_LOOKS
    assert changes() is None
    assert len(cloud.edge.made("apigateway", "GetStage")) == 3
