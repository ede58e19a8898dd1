"""Config: a second market and a second region are a line each; mistakes are refused."""

from dataclasses import replace

import pytest

from hindcast import project
from infra.choices import Canary, Training
from infra.config import DELIVERY, PRODUCTION, STAGING, Deployment
from infra.images import ROOT
from infra.project import EXAMPLE, Project
from tests.infra.deployments import MARKET, STACKS, STANDBY, TESTED
from tests.infra.resources import Template, only, properties, text


def test_every_deployment_has_every_stack(stacks: dict[str, Template]) -> None:
    assert len(STACKS) == 24
    assert set(STACKS) <= set(stacks)


@pytest.mark.parametrize(
    ("deployment", "region"), [(MARKET, "us-east-1"), (STANDBY, "eu-central-1")]
)
def test_another_deployment_is_the_same_elsewhere(
    stacks: dict[str, Template], deployment: Deployment, region: str
) -> None:
    subnets = properties(stacks[f"hindcast-{deployment.name}-network"], "AWS::EC2::Subnet")
    assert {subnet["AvailabilityZone"] for subnet in subnets} == {
        f"{region}a",
        f"{region}b",
        f"{region}c",
    }
    market = {"Key": "hindcast:market", "Value": deployment.market}
    assert all(market in subnet["Tags"] for subnet in subnets)
    other = stacks[f"hindcast-{deployment.name}-network"]["Resources"]
    same = stacks[f"hindcast-{PRODUCTION.name}-network"]["Resources"]
    assert [one["Type"] for one in other.values()] == [one["Type"] for one in same.values()]


def test_sizes_are_those_of_the_deployment(stacks: dict[str, Template]) -> None:
    for deployment in (STAGING, PRODUCTION):
        found = only(stacks[f"hindcast-{deployment.name}-data"], "AWS::RDS::DBInstance")
        sizes = deployment.sizes
        assert found["Properties"]["DBInstanceClass"] == f"db.{sizes.database_class}"
        assert found["Properties"]["MultiAZ"] is sizes.database_standby


def test_networks_do_not_overlap() -> None:
    networks = [deployment.network for deployment in TESTED.deployments]
    assert len(set(networks)) == len(networks)


@pytest.mark.parametrize("steps", [(), (0, 5), (50, 25), (5, 5), (5, 100)])
def test_canary_steps_must_grow_between_0_and_100(steps: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="must grow between 0 and 100"):
        replace(STAGING, canary=Canary(steps=steps))


def test_an_unknown_training_path_is_refused() -> None:
    with pytest.raises(ValueError, match="use lambda or job"):
        replace(STAGING, training=Training(path="laptop"))


def test_the_pipeline_staging_and_production_are_in_accounts_of_their_own() -> None:
    numbers = [DELIVERY.account, STAGING.account, PRODUCTION.account]
    assert len({*numbers}) == 3


def test_either_every_account_has_a_number_or_none() -> None:
    with pytest.raises(ValueError, match="production: account None, that of the pipeline 'main' 1"):
        replace(TESTED, production=(replace(PRODUCTION, account=None),))
    alone = [replace(one, account=None) for one in (STAGING, PRODUCTION)]
    replace(DELIVERY, account=None, staging=alone[0], production=(alone[1],))


def test_one_deployment_of_an_account_keeps_the_log_of_training_jobs() -> None:
    staging, production = (replace(one, account=None) for one in (STAGING, PRODUCTION))
    first, other = (replace(production, name=f"production-{name}") for name in ("a", "b"))
    shared = replace(DELIVERY, account=None, staging=staging, production=(first, other))
    assert [shared.keeps_training_log(one) for one in shared.deployments] == [False, True, False]
    assert all(TESTED.keeps_training_log(one) for one in TESTED.deployments)


def test_a_deployments_own_definitions_reach_its_functions_and_its_glue_jobs(
    stacks: dict[str, Template],
) -> None:
    own, example = f"hindcast-{MARKET.name}", f"hindcast-{PRODUCTION.name}"
    told = {"train", "evaluate", "control", "ingest", "relay", "drift", "batch"}
    assert with_project(stacks[f"{own}-models"]) == told
    assert with_project(stacks[f"{example}-models"]) == set()
    for job in properties(stacks[f"{own}-features"], "AWS::Glue::Job"):
        arguments = {name: text(value) for name, value in job["DefaultArguments"].items()}
        assert arguments["--project"] == "."
        place = text(job["Command"]["ScriptLocation"]).rpartition("/")[0]
        assert arguments["--extra-files"] == f"{place}/definitions.py"
    for other in properties(stacks[f"{example}-features"], "AWS::Glue::Job"):
        assert not {"--project", "--extra-files"} & set(other["DefaultArguments"])


def with_project(template: Template) -> set[str]:
    """The functions that are told where the definitions are in their image."""
    return {
        function["FunctionName"].rpartition("-")[2]
        for function in properties(template, "AWS::Lambda::Function")
        if function.get("Environment", {}).get("Variables", {}).get("HINDCAST_PROJECT")
        == "/opt/project"
    }


def test_athena_shows_the_tables_of_a_deployments_own_definitions(
    stacks: dict[str, Template],
) -> None:
    tables = properties(stacks[f"hindcast-{MARKET.name}-features"], "AWS::Glue::Table")
    assert {one["TableInput"]["Name"] for one in tables} == {
        "raw_applications",
        "raw_loans",
        "quarantine_applications",
        "quarantine_loans",
        "features_loan_history",
        "features_income",
        "predictions",
    }


@pytest.mark.parametrize(
    "declared", {one.project or EXAMPLE for one in DELIVERY.deployments}, ids=lambda one: one.folder
)
def test_a_projects_names_are_those_of_its_definitions(declared: Project) -> None:
    found = project.load(ROOT / declared.folder)
    assert set(declared.sources) == set(found.sources)
    assert set(declared.views) == set(found.views)
    assert set(declared.models) == set(found.models)


@pytest.mark.parametrize("folder", ["", "/loans", "../loans"])
def test_a_project_is_a_folder_of_the_source(folder: str) -> None:
    with pytest.raises(ValueError, match="name a folder below the source's root"):
        replace(EXAMPLE, folder=folder)


def test_a_project_without_names_is_refused() -> None:
    with pytest.raises(ValueError, match="name its sources, views and models"):
        replace(EXAMPLE, views=())
    with pytest.raises(ValueError, match="name its sources, views and models"):
        replace(EXAMPLE, models=())


@pytest.mark.parametrize("model", ["Risk", "credit__v2", "credit-", "credit risk", "predict/it"])
def test_a_model_is_named_as_aws_takes_it(model: str) -> None:
    with pytest.raises(ValueError, match="use lower-case letters and digits, with single _ or -"):
        replace(EXAMPLE, models=(model,))


def test_models_that_aws_could_not_tell_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="models credit_v2, credit-v2: names on AWS must differ"):
        replace(EXAMPLE, models=("credit_v2", "credit-v2"))
    long = replace(EXAMPLE, models=("a_model_whose_name_says_all_there_is_to_say",))
    with pytest.raises(ValueError, match="has more than 64 characters: shorten the name"):
        replace(PRODUCTION, project=long)


def test_a_schedule_names_models_that_there_are() -> None:
    schedule = replace(STAGING.schedule, rebuilds={"other": "cron(0 7 * * ? *)"})
    with pytest.raises(ValueError, match=r"schedule.rebuilds names other: use some of the models"):
        replace(STAGING, schedule=schedule)


def test_the_smoke_test_has_a_question_for_each_model_of_staging() -> None:
    with pytest.raises(ValueError, match="known has no question for"):
        replace(DELIVERY, known={})


def test_one_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="two or more"):
        replace(STAGING, zones=("a",))
