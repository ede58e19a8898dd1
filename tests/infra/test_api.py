"""The API: a stage for each model, whose version and canary are the rebuild machine's."""

import json

import pytest

from hindcast import names
from infra.project import live_version
from tests.infra.deployments import STACKS, models_of
from tests.infra.resources import Template, of_type, only, properties, text

Stacks = dict[str, Template]
APIS = [stack for stack in STACKS if stack.endswith("-api")]


@pytest.mark.parametrize("stack", APIS)
def test_each_model_has_a_stage_without_a_canary_of_the_template(
    stacks: Stacks, stack: str
) -> None:
    stages = properties(stacks[stack], "AWS::ApiGateway::Stage")
    assert {stage["StageName"] for stage in stages} == set(models_of(stack))
    assert "DeploymentCanarySettings" not in only(stacks[stack], "AWS::ApiGateway::Deployment")
    for stage in stages:
        assert "CanarySetting" not in stage
        assert stage["TracingEnabled"] is True
        assert stage["AccessLogSetting"]["DestinationArn"]
        assert "$context.path" not in stage["AccessLogSetting"]["Format"]  # It holds ids.
        [settings] = [one for one in stage["MethodSettings"] if one["ResourcePath"] == "/*"]
        assert settings["DataTraceEnabled"] is False
        assert settings["ThrottlingRateLimit"] > 0


@pytest.mark.parametrize("stack", APIS)
def test_a_stage_keeps_the_version_that_is_live_of_its_models_function(
    stacks: Stacks, stack: str
) -> None:
    deployment = stack.removesuffix("-api")
    for stage in properties(stacks[stack], "AWS::ApiGateway::Stage"):
        model, function = stage["StageName"], f"{deployment}-predict-{stage['StageName']}"
        assert stage["Variables"][names.FUNCTION_VARIABLE] == function
        condition, live, first = stage["Variables"][names.STAGE_VARIABLE]["Fn::If"]
        assert live == {"Ref": live_version(model)}
        assert condition in stacks[stack]["Conditions"]
        version = of_type(stacks[stack], "AWS::Lambda::Version")[first["Fn::GetAtt"][0]]
        assert version["DeletionPolicy"] == "Retain"
        assert version["Properties"]["FunctionName"] == function


@pytest.mark.parametrize("stack", APIS)
def test_a_version_may_be_called_by_its_models_stage_alone(stacks: Stacks, stack: str) -> None:
    versions = of_type(stacks[stack], "AWS::Lambda::Version")
    allowed = {
        versions[one["FunctionName"]["Ref"]]["Properties"]["FunctionName"].partition("-predict-")[
            2
        ]: text(one["SourceArn"]).split("/")[1:]
        for one in properties(stacks[stack], "AWS::Lambda::Permission")
    }
    assert allowed == {model: [model, "*", "*"] for model in models_of(stack)}


@pytest.mark.parametrize("stack", APIS)
def test_every_method_asks_who_and_how_much_and_calls_what_the_stage_names(
    stacks: Stacks, stack: str
) -> None:
    methods = properties(stacks[stack], "AWS::ApiGateway::Method")
    assert len(methods) == 10
    for method in methods:
        # Route 53 cannot sign: test_recovery.py.
        if method["AuthorizationType"] != "NONE" or "staging" in stack:
            assert method["AuthorizationType"] == "AWS_IAM"
            assert method["ApiKeyRequired"] is True
        assert method["RequestValidatorId"]
        uri = text(method["Integration"]["Uri"])
        named = (names.FUNCTION_VARIABLE, names.STAGE_VARIABLE)
        function = ":".join(f"${{stageVariables.{name}}}" for name in named)
        assert uri.endswith(f":function:{function}/invocations")
        assert method["HttpMethod"] == "GET" or "application/json" in method["RequestModels"]


@pytest.mark.parametrize("stack", APIS)
def test_nobodys_id_is_in_a_url_which_traces_and_logs_keep(stacks: Stacks, stack: str) -> None:
    parts = {one["PathPart"] for one in properties(stacks[stack], "AWS::ApiGateway::Resource")}
    assert {part for part in parts if "{" in part} == {"{model}", "{service}"}
    for method in properties(stacks[stack], "AWS::ApiGateway::Method"):
        assert method["HttpMethod"] == "POST" or not method.get("RequestParameters")
    for stage in properties(stacks[stack], "AWS::ApiGateway::Stage"):
        assert not {"$context.path", "$context.resourceId"} & set(
            json.loads(stage["AccessLogSetting"]["Format"]).values()
        )
        assert all(one["DataTraceEnabled"] is False for one in stage["MethodSettings"])


@pytest.mark.parametrize("stack", APIS)
def test_the_firewall_stands_before_every_stage(stacks: Stacks, stack: str) -> None:
    rules = only(stacks[stack], "AWS::WAFv2::WebACL")["Properties"]["Rules"]
    assert len(rules) == 4
    assert "RateBasedStatement" in rules[-1]["Statement"]
    # A batch may be longer than the 8 KB that the common rules would let pass.
    assert '"ActionToUse": {"Count": {}}, "Name": "SizeRestrictions_BODY"' in json.dumps(rules)
    associations = properties(stacks[stack], "AWS::WAFv2::WebACLAssociation")
    assert len({text(one["ResourceArn"]) for one in associations}) == len(models_of(stack))
    [logging] = properties(stacks[stack], "AWS::WAFv2::LoggingConfiguration")
    redacted = [one for one in logging["RedactedFields"] if "SingleHeader" not in one]
    assert redacted == [{"UriPath": {}}, {"QueryString": {}}]
    plan = only(stacks[stack], "AWS::ApiGateway::UsagePlan")["Properties"]
    assert plan["Quota"]
    assert plan["Throttle"]
    assert len(plan["ApiStages"]) == len(models_of(stack))
