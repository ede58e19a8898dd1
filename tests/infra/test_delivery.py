"""The pipeline: its order, its parts kept apart, and what each may do."""

import json
from typing import Any

from tests.infra.deployments import DELIVERY_STACK, models_of
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
            steps = ("infrastructure", "migrate", "application", "roll-out")
            assert [order[f"{step}-{deployment}"] for step in steps] == [1, 2, 3, 4]


def test_production_is_every_production_deployment(stacks: Stacks) -> None:
    actions = {action["Name"] for action in stages(stacks)[-1]["Actions"]}
    assert {"roll-out-production", "roll-out-production-us", "roll-out-recovery"} <= actions


def test_every_project_runs_a_step_of_the_buildspec(stacks: Stacks) -> None:
    for project in properties(stacks[DELIVERY_STACK], "AWS::CodeBuild::Project"):
        assert project["Source"]["BuildSpec"] == "buildspec.yml"
        variables = project["Environment"]["EnvironmentVariables"]
        assert variables[0]["Name"] == "STEP"
        assert all(variable["Type"] == "PLAINTEXT" for variable in variables)


def test_tests_deploy_nothing_and_infrastructure_builds_nothing(stacks: Stacks) -> None:
    def allowed(part: str) -> set[str]:
        return {
            action
            for name, policy in of_type(stacks[DELIVERY_STACK], "AWS::IAM::Policy").items()
            if name.startswith(f"Pipeline{part}Role")
            for statement in statements(policy)
            for action in listed(statement["Action"])
        }

    assert {action.split(":")[0] for action in allowed("test")} == {"kms", "logs", "s3"}
    assert "sts:AssumeRole" in allowed("infrastructurestaging")
    assert not {action for action in allowed("infrastructurestaging") if action.startswith("ecr:")}
    assert "cloudformation:UpdateStack" in allowed("applicationstaging")
    assert "sts:AssumeRole" not in allowed("applicationstaging")


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
            assert {one["Name"]: one["Value"] for one in given} == {
                "STEP": action["Name"].removesuffix("-staging"),
                "DEPLOYMENT": "staging",
            }


def test_release_images_are_made_from_the_version_that_runs(stacks: Stacks) -> None:
    """Not from the newest, which may await its approval."""
    for name, template in stacks.items():
        if name.endswith("-models"):
            projects = properties(template, "AWS::CodeBuild::Project")
            assert len(projects) == len(models_of(name))
            for project in projects:
                place = text(project["Source"]["Location"])
                assert place.endswith("/artifacts/<ApplicationVersion>/source.zip")
