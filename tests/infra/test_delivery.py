"""The pipeline: its order, its parts kept apart, and what each may do."""

import fnmatch
import json
import re
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template as Synthesized

from infra.config import PIPELINE_ACCOUNT, STAGING_ACCOUNT
from tests.infra.deployments import ACCESS_STACK, DELIVERY_STACK, TESTED, models_of
from tests.infra.resources import Template, listed, of_type, only, properties, statements, text

Stacks = dict[str, Template]


def stages(stacks: Stacks) -> list[dict[str, Any]]:
    pipeline = only(stacks[DELIVERY_STACK], "AWS::CodePipeline::Pipeline")["Properties"]
    assert pipeline["PipelineType"] == "V2"
    found: list[dict[str, Any]] = pipeline["Stages"]
    return found


def test_stages_are_in_the_order_of_the_issue(stacks: Stacks) -> None:
    assert [stage["Name"] for stage in stages(stacks)] == [
        "Source",
        "Test",
        "Build",
        "Staging",
        "SmokeTest",
        "Approval",
        "Production",
    ]


def test_the_database_comes_before_any_new_code_and_traffic_last(stacks: Stacks) -> None:
    for stage in stages(stacks):
        if stage["Name"] not in ("Staging", "Production"):
            continue
        order = {action["Name"]: action["RunOrder"] for action in stage["Actions"]}
        for deployment in {name.split("-", 1)[1] for name in order if name.startswith("migrate")}:
            steps = ("publish", "infrastructure", "migrate", "application", "roll-out")
            assert [order[f"{step}-{deployment}"] for step in steps] == [1, 2, 3, 4, 5]


def test_production_is_every_production_deployment(stacks: Stacks) -> None:
    actions = {action["Name"] for action in stages(stacks)[-1]["Actions"]}
    assert {"roll-out-production", "roll-out-production-us"} <= actions
    assert not [name for name in actions if "standby" in name]


def test_every_project_runs_a_step_of_the_buildspec(stacks: Stacks) -> None:
    for project in properties(stacks[DELIVERY_STACK], "AWS::CodeBuild::Project"):
        assert project["Source"]["BuildSpec"] == "buildspec.yml"
        variables = project["Environment"]["EnvironmentVariables"]
        assert variables[0]["Name"] == "STEP"
        assert all(variable["Type"] == "PLAINTEXT" for variable in variables)


def allowed(template: Template, role: str) -> set[str]:
    """What the role of a name may do."""
    return {
        action
        for name, policy in of_type(template, "AWS::IAM::Policy").items()
        if re.match(f"{role}(Role)?DefaultPolicy", name)
        for statement in statements(policy)
        for action in listed(statement["Action"])
    }


def test_tests_deploy_nothing_and_infrastructure_builds_nothing(stacks: Stacks) -> None:
    pipeline, access = stacks[DELIVERY_STACK], stacks[ACCESS_STACK]
    tests = allowed(pipeline, "Pipelinetest")
    assert {action.split(":")[0] for action in tests} == {"kms", "logs", "s3"}
    assert "s3:PutObject" not in tests
    infrastructure = allowed(access, "Deliveryinfrastructure")
    assert not {action for action in infrastructure if action.startswith("ecr:")}
    assert "cloudformation:UpdateStack" in allowed(access, "Deliveryapplication")
    assert "cloudformation:UpdateStack" not in infrastructure


def test_a_step_may_take_its_own_role_in_its_deployment_and_no_other(stacks: Stacks) -> None:
    for deployment in TESTED.deployments:
        roles = properties(stacks[deployment.named("access")], "AWS::IAM::Role")
        for role in roles:
            step = role["RoleName"].removeprefix(f"{deployment.prefix}-delivery-")
            [trust] = role["AssumeRolePolicyDocument"]["Statement"]
            own = f"hindcast-main-{step}-{deployment.name}"
            [taken] = trust["Condition"]["ArnEquals"].values()
            assert text(taken) == f"arn:<AWS::Partition>:iam::{PIPELINE_ACCOUNT}:role/{own}"
            arn = f":iam::{deployment.account}:role/{role['RoleName']}"
            takers = [
                name
                for name, policy in of_type(stacks[DELIVERY_STACK], "AWS::IAM::Policy").items()
                for statement in statements(policy)
                if "sts:AssumeRole" in listed(statement["Action"])
                and any(text(one).endswith(arn) for one in listed(statement["Resource"]))
            ]
            plain = f"{step}{deployment.name}".replace("-", "")
            assert [name.partition("RoleDefault")[0] for name in takers] == [f"Pipeline{plain}"]


# What CDK grants on the artifacts and is left out: nothing here deletes, tags or holds by law.
LEFT_OUT = {
    "s3:DeleteObject*",
    "s3:PutObjectLegalHold",
    "s3:PutObjectRetention",
    "s3:PutObjectTagging",
    "s3:PutObjectVersionTagging",
}


@pytest.fixture(scope="module")
def of_cdk() -> Template:
    """The smallest pipeline of CDK's own, with the roles and grants that it makes."""
    stack = cdk.Stack(cdk.App(), "Plain")
    source, built = codepipeline.Artifact("source"), codepipeline.Artifact("built")
    repository = actions.CodeStarConnectionsSourceAction(
        action_name="source",
        connection_arn=TESTED.repository.connection,
        owner="some",
        repo="some",
        output=source,
    )
    build = actions.CodeBuildAction(
        action_name="build",
        project=codebuild.PipelineProject(stack, "Build", encryption_key=kms.Key(stack, "Key")),
        input=source,
        outputs=[built],
    )
    stages = [
        codepipeline.StageProps(stage_name=name, actions=[action])
        for name, action in (("Source", repository), ("Build", build))
    ]
    bucket = s3.Bucket(stack, "Bucket", encryption=s3.BucketEncryption.KMS)
    codepipeline.Pipeline(stack, "Pipeline", artifact_bucket=bucket, stages=stages)
    return dict(Synthesized.from_stack(stack).to_json())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Pipeline", "Pipeline"),
        ("PipelineSourcesourceCodePipelineAction", "Pipeline"),
        ("Build", "Pipelinebuild"),
    ],
)
def test_what_cdk_grants_is_granted(
    stacks: Stacks, of_cdk: Template, theirs: str, ours: str
) -> None:
    """Without it CodePipeline's first run is refused: aws-cdk #13557, #13637."""
    granted = allowed(of_cdk, theirs) - LEFT_OUT
    elsewhere = ("sts:", "logs:", "codebuild:")  # Roles, groups and projects are ours.
    wanted = {action for action in granted if not action.startswith(elsewhere)}
    assert {action.split(":")[0] for action in wanted} >= {"s3", "kms"}
    held = allowed(stacks[DELIVERY_STACK], ours)
    assert [one for one in sorted(wanted) if not fnmatch.filter(held, one)] == []


def test_a_step_knows_its_deployment_and_the_commit(stacks: Stacks) -> None:
    for stage in stages(stacks)[3:5]:
        for action in stage["Actions"]:
            variables = json.loads(action["Configuration"]["EnvironmentVariables"])
            assert [(one["name"], one["value"]) for one in variables] == [
                ("VERSION", "#{Source.CommitId}")
            ]
            name = f"hindcast-main-{action['Name']}"
            [project] = [
                one
                for one in properties(stacks[DELIVERY_STACK], "AWS::CodeBuild::Project")
                if one["Name"] == name
            ]
            given = project["Environment"]["EnvironmentVariables"]
            step = action["Name"].removesuffix("-staging")
            values = {one["Name"]: text(one["Value"]) for one in given}
            role = f"role/hindcast-staging-delivery-{step}"
            assert values.pop("ROLE") == f"arn:<AWS::Partition>:iam::{STAGING_ACCOUNT}:{role}"
            assert values == {"STEP": step, "DEPLOYMENT": "staging"}


def test_release_images_are_made_from_the_version_that_runs(stacks: Stacks) -> None:
    """Not from the newest, which may await its approval."""
    for name, template in stacks.items():
        if name.endswith("-models"):
            projects = properties(template, "AWS::CodeBuild::Project")
            assert len(projects) == len(models_of(name))
            for project in projects:
                place = text(project["Source"]["Location"])
                assert place.endswith("/artifacts/<ApplicationVersion>/source.zip")
