"""A deployment on the local AWS, and who may call its API."""

import copy
import json
import urllib.error
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from examples import client
from hindcast import names
from infra.config import CAPABILITIES, DELIVERY, PREDICT, Deployment
from infra.plan import templates
from tests.e2e.deployment import Stacks, Template
from tests.e2e.local_aws import ACCOUNT, REGION, LocalAws, local_aws

# Of whoever reads a version's provisioned concurrency the emulator asks this, and AWS that.
ASKED_INSTEAD = {"Effect": "Allow", "Action": "lambda:GetFunction", "Resource": "*"}


@dataclass(frozen=True)
class World:
    """What was deployed, and what came of it."""

    aws: LocalAws
    stacks: Stacks
    deployment: Deployment
    api: str

    def deploy(self, made: Mapping[str, Template], parameters: Mapping[str, str]) -> None:
        """Deploy every stack again."""
        deploy(self.stacks, self.deployment, made, parameters)
        complete(self.aws, self.api, made[self.deployment.named("api")])

    def serve_next_version(self, model: str) -> None:
        """What a rebuild does in the end: a version of a release's image takes all traffic."""
        self._patch(model, f"/variables/{names.STAGE_VARIABLE}", self._publish(model))

    def start_canary(self, model: str) -> None:
        """What a rebuild does before: such a version takes half of it."""
        version = self._publish(model)
        self._patch(
            model, f"/canarySettings/stageVariableOverrides/{names.STAGE_VARIABLE}", version
        )
        self._patch(model, "/canarySettings/percentTraffic", "50")

    def provision(self, model: str, version: str) -> None:
        """Let AWS keep an environment of a version ready."""
        self.aws.client("lambda").put_provisioned_concurrency_config(
            FunctionName=self.deployment.of_model(PREDICT, model),
            Qualifier=version,
            ProvisionedConcurrentExecutions=1,
        )

    def become(self, function: str, patch: pytest.MonkeyPatch) -> None:
        """Let clients of this process reach the account with what a function's role may do."""
        role = self.aws.client("lambda").get_function_configuration(FunctionName=function)["Role"]
        name = role.rpartition("/")[2]
        iam = self.aws.client("iam")
        [policy] = iam.list_role_policies(RoleName=name)["PolicyNames"]
        may = iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
        user = self._user(function, {**may, "Statement": [*may["Statement"], ASKED_INSTEAD]})
        for variable, value in {
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": user.access_key,
            "AWS_SECRET_ACCESS_KEY": user.secret_key,
        }.items():
            patch.setenv(variable, value)

    def _publish(self, model: str) -> str:
        """A version of a model's function with a release's image."""
        functions, predict = self.aws.client("lambda"), self.deployment.of_model(PREDICT, model)
        image = functions.get_function(FunctionName=predict)["Code"]["ImageUri"]
        release = image.rpartition(":")[0] + ":release"
        functions.update_function_code(FunctionName=predict, ImageUri=release)
        version: str = functions.publish_version(FunctionName=predict)["Version"]
        return version

    def _patch(self, model: str, path: str, value: str) -> None:
        change = {"op": "replace", "path": path, "value": value}
        self.aws.client("apigateway").update_stage(
            restApiId=self.api, stageName=model, patchOperations=[change]
        )

    def ids(self) -> dict[str, str]:
        """The physical id of everything."""
        return {
            f"{name} {logical}": physical
            for name in map(self.deployment.named, CAPABILITIES)
            for logical, physical in self.stacks.resources(name).items()
        }

    def stage(self, model: str) -> dict[str, Any]:
        """A model's stage as API Gateway has it."""
        gateway = self.aws.client("apigateway")
        found: dict[str, Any] = gateway.get_stage(restApiId=self.api, stageName=model)
        return found

    @property
    def key(self) -> str:
        """The API key of callers; the probe has one of its own."""
        found = self.aws.client("apigateway").get_api_keys(includeValues=True)["items"]
        values = {key["name"]: str(key["value"]) for key in found}
        return values[self.deployment.named("caller")]

    def user(self, name: str, routes: str | None) -> Credentials:
        """A user who may call these routes, which begin with a stage, or none."""
        arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{self.api}/{routes}"
        allowed = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": arn}
        return self._user(name, {"Version": "2012-10-17", "Statement": [allowed]} if routes else {})

    def _user(self, name: str, may: Mapping[str, Any]) -> Credentials:
        """A user with a policy, where there is one."""
        iam = self.aws.client("iam")
        iam.create_user(UserName=name)
        if may:
            document = json.dumps(may)
            iam.put_user_policy(UserName=name, PolicyName="may", PolicyDocument=document)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"])

    def ask(
        self, model: str, question: Any, who: Credentials, key: str = "", path: str = "/predict"
    ) -> tuple[int, Any]:
        """Status and document of a POST to a model's stage by the client that the docs show."""
        url = self.aws.stage_url(self.api, model)
        return self._told(lambda: client.predict(url, REGION, key or self.key, question, who, path))

    def features(
        self, model: str, service: str, question: Mapping[str, Any], who: Credentials
    ) -> tuple[int, Any]:
        """Status and document of a feature service, at a model's stage."""
        url = self.aws.stage_url(self.api, model)
        return self._told(lambda: client.features(url, REGION, self.key, service, question, who))

    def _told(self, ask: Callable[[], Any]) -> tuple[int, Any]:
        try:
            return 200, ask()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


@contextmanager
def world(
    folder: Path,
    deployment: Deployment,
    made: Mapping[str, Template],
    functions: Mapping[str, str],
) -> Iterator[World]:
    """An account with every stack of a deployment, its functions called at their URLs."""
    with local_aws(folder, functions) as aws:
        stacks = Stacks(aws)
        stacks.bootstrap()
        deploy(stacks, deployment, made, {"ApplicationVersion": "first"})
        apis = aws.client("apigateway").get_rest_apis()["items"]
        [api] = [one for one in apis if one["name"] == deployment.prefix]
        complete(aws, api["id"], made[deployment.named("api")])
        yield World(aws, stacks, deployment, api["id"])


def synthesize(folder: Path, deployment: Deployment) -> dict[str, Template]:
    """The templates of one deployment, by the names of their stacks."""
    from infra.app import add_deployment, build

    app = build(folder, [])
    add_deployment(app, deployment, DELIVERY)
    app.synth()
    return templates(folder)


def deploy(
    stacks: Stacks,
    deployment: Deployment,
    made: Mapping[str, Template],
    parameters: Mapping[str, str],
) -> None:
    """Create or update all stacks in their order; DeploymentError names what did not come to be."""
    for name in map(deployment.named, CAPABILITIES):
        stacks.deploy(name, copy.deepcopy(made[name]), parameters)


def complete(aws: LocalAws, api: str, template: Template) -> None:
    """Give each route the validator of the template: the emulator has them, not in its stacks."""
    gateway = aws.client("apigateway")
    [properties] = [
        one["Properties"]
        for one in template["Resources"].values()
        if one["Type"] == "AWS::ApiGateway::RequestValidator"
    ]
    validator = gateway.create_request_validator(
        restApiId=api,
        name="all",
        validateRequestBody=properties["ValidateRequestBody"],
        validateRequestParameters=properties["ValidateRequestParameters"],
    )["id"]
    for path in gateway.get_resources(restApiId=api, embed=["methods"])["items"]:
        for method in path.get("resourceMethods", {}):
            patch = {"op": "replace", "path": "/requestValidatorId", "value": validator}
            gateway.update_method(
                restApiId=api, resourceId=path["id"], httpMethod=method, patchOperations=[patch]
            )
