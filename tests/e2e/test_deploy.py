"""The synthesized templates on a local AWS: every stack, a request through the API, an update."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from hindcast import names
from infra.config import CAPABILITIES, STAGING
from infra.constructs.jobs import JOBS
from infra.constructs.routes import ROUTES
from infra.project import live_version
from lambdas.warm import handler as warm
from tests.e2e import deployment, emulator
from tests.e2e.deployment import (
    ABSENT,
    PRUNED,
    DeploymentError,
    Template,
    changed_properties,
    only_at_creation,
    pruned_by,
    resources,
    without_reference,
)
from tests.e2e.several import DEPLOYED, MODELS, QUESTION, predicted
from tests.e2e.world import World, world
from tests.integration import shops
from tests.integration.hindsight import Home

pytestmark = pytest.mark.skipif(bool(emulator.missing()), reason=str(emulator.missing()))
UNKNOWN_TO_IT = "Unrecognized resource types|Unsupported resource type|is not supported"


def test_every_stack_comes_to_be_with_all_but_what_is_pruned(
    deployed: World, templates: dict[str, Template]
) -> None:
    made = resources(templates)
    assert set(templates) == set(map(DEPLOYED.named, CAPABILITIES))
    assert deployed.ids().keys() == {name for name in made if not pruned_by(made[name])}
    assert {pruned_by(resource) for resource in made.values()} - {None} == set(PRUNED)


@pytest.mark.parametrize("entry", PRUNED)
def test_what_is_pruned_is_unknown_to_the_emulator(
    deployed: World, templates: dict[str, Template], entry: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = next(one for one in resources(templates).values() if pruned_by(one) == entry)
    monkeypatch.setattr(deployment, "PRUNED", PRUNED.keys() - {entry})
    plain = json.loads(json.dumps(one), object_hook=without_reference)
    with pytest.raises((DeploymentError, ClientError), match=UNKNOWN_TO_IT):
        deployed.stacks.deploy(re.sub(r"\W+", "-", entry), {"Resources": {"One": plain}}, {})


def test_what_it_lacks_of_a_type_it_still_lacks(
    deployed: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    [(kind, attribute)] = ABSENT.items()
    value = {"Value": {"Fn::GetAtt": ["One", attribute]}}
    template = {"Resources": {"One": {"Type": kind}}, "Outputs": {"It": value}}
    monkeypatch.setattr(deployment, "ABSENT", {})
    with pytest.raises(DeploymentError, match="does not exist in schema"):
        deployed.stacks.deploy("attribute", template, {})


@pytest.mark.parametrize("model", MODELS)
def test_a_models_stage_names_the_first_version_of_its_function(
    deployed: World, model: str
) -> None:
    function, stage = DEPLOYED.of_model("predict", model), deployed.stage(model)
    versions = deployed.aws.client("lambda").list_versions_by_function(FunctionName=function)
    assert [one["Version"] for one in versions["Versions"]] == ["$LATEST", "1"]
    assert stage["variables"] == {names.FUNCTION_VARIABLE: function, names.STAGE_VARIABLE: "1"}
    assert "canarySettings" not in stage


def test_the_api_has_its_routes_signed_and_with_a_key(deployed: World) -> None:
    found = deployed.aws.client("apigateway").get_resources(
        restApiId=deployed.api, embed=["methods"]
    )
    methods = [
        (name, path["path"], method)
        for path in found["items"]
        for name, method in path.get("resourceMethods", {}).items()
    ]
    declared = {(route.method, path) for route in ROUTES for path in route.paths}
    assert {(name, path) for name, path, _ in methods} == declared
    for *_, method in methods:
        assert (method["authorizationType"], method["apiKeyRequired"]) == ("AWS_IAM", True)


def test_every_function_has_its_image_in_this_version(deployed: World) -> None:
    functions = deployed.aws.client("lambda")
    images = {
        one["FunctionName"]: functions.get_function(FunctionName=one["FunctionName"])["Code"]
        for one in functions.list_functions()["Functions"]
    }
    made = [name for name, _ in DEPLOYED.repositories]
    of_control = ("migrate", "ingest", "webhooks", "relay")
    expected = {STAGING.named(name) for name in (*made, *of_control, "warm")}
    assert set(images) == expected
    del images[STAGING.named("warm")]  # Its code is in the template.
    for code in images.values():
        repository, version = code["ImageUri"].rpartition("/")[2].split(":")
        assert version == "first"
        assert deployed.aws.client("ecr").describe_repositories(repositoryNames=[repository])


def test_the_machines_have_their_states_and_what_was_deployed_in_them(
    deployed: World, templates: dict[str, Template]
) -> None:
    machines = deployed.aws.client("stepfunctions")
    kind = "AWS::StepFunctions::StateMachine"
    made = [one["Properties"] for one in resources(templates).values() if one["Type"] == kind]
    found = {
        one["name"]: machines.describe_state_machine(stateMachineArn=one["stateMachineArn"])
        for one in machines.list_state_machines()["stateMachines"]
    }
    rebuilds = {DEPLOYED.of_model("rebuild", model): model for model in MODELS}
    shared = map(STAGING.named, ("batch", "refresh", *JOBS))
    assert found.keys() == {*shared, *rebuilds}
    for written in made:
        text = found[written["StateMachineName"]]["definition"]
        assert (
            json.loads(text)["States"].keys()
            == json.loads(written["DefinitionString"])["States"].keys()
        )
        assert "${" not in text
    for name, model in rebuilds.items():
        stage = f'"RestApiId": "{deployed.api}", "StageName": "{model}"'
        assert stage in found[name]["definition"]


def test_schedules_start_what_was_deployed(deployed: World) -> None:
    scheduler = deployed.aws.client("scheduler")
    found = {
        one["Name"]: scheduler.get_schedule(Name=one["Name"])
        for one in scheduler.list_schedules()["Schedules"]
    }
    schedule = STAGING.schedule
    assert {name: one["ScheduleExpression"] for name, one in found.items()} == {
        STAGING.named("refresh"): schedule.refresh,
        **{DEPLOYED.of_model("rebuild", model): schedule.rebuild for model in MODELS},
        **{DEPLOYED.of_model("drift", model): schedule.drift for model in MODELS},
        STAGING.named("measure"): schedule.measure,
        STAGING.named("compact"): schedule.compact,
        STAGING.named("verify"): schedule.verify,
        STAGING.named("relay"): schedule.relay,
        STAGING.named("warm"): f"rate({STAGING.warmup.minutes} minutes)",
    }
    targets = {name: one["Target"]["Arn"].rpartition(":")[2] for name, one in found.items()}
    assert targets == {
        **{name: name for name in found},
        **{DEPLOYED.of_model("drift", model): STAGING.named("drift") for model in MODELS},
        STAGING.named("measure"): STAGING.named("control"),
        STAGING.named("compact"): STAGING.named("control"),
        STAGING.named("verify"): STAGING.named("control"),
    }


def test_the_workers_secret_leads_to_the_database(deployed: World) -> None:
    secret = deployed.aws.client("secretsmanager").get_secret_value(
        SecretId=STAGING.named("worker")
    )
    [instance] = deployed.aws.client("rds").describe_db_instances()["DBInstances"]
    found = json.loads(secret["SecretString"])
    assert (found["username"], found["dbname"]) == (names.DATABASE_WORKER, names.DATABASE_NAME)
    assert found["host"] == instance["Endpoint"]["Address"]


@pytest.mark.parametrize("model", MODELS)
def test_a_question_goes_through_the_api_and_comes_back_as_the_models_prediction(
    deployed: World, caller: Credentials, home: Home, model: str
) -> None:
    status, answer = deployed.ask(model, QUESTION, caller)
    expected = predicted(home, model)
    assert status == 200, answer
    assert answer["cid"] == QUESTION["cid"]
    assert expected.score.document.items() <= answer.items()
    assert answer["release"] == expected.release == shops.trained(home, model)
    assert answer["features_as_of"] == expected.row.features_as_of.isoformat()


def test_a_model_is_asked_by_its_name_and_its_stage_answers_for_no_other(
    deployed: World,
) -> None:
    caller = deployed.user("by-name", "risk/POST/models/*/predict")
    status, answer = deployed.ask("risk", QUESTION, caller, path="/models/risk/predict")
    assert (status, answer.get("cid")) == (200, QUESTION["cid"])
    status, answer = deployed.ask("risk", QUESTION, caller, path="/models/delay/predict")
    assert (status, answer["error"]["field"]) == (404, "model")
    status, answer = deployed.ask("delay", QUESTION, caller, path="/models/delay/predict")
    assert (status, "is not authorized" in answer["message"]) == (403, True)


def test_a_stage_answers_for_feature_services_too(deployed: World) -> None:
    caller = deployed.user("features", "*/POST/services/*")
    status, answer = deployed.features("risk", "asked", QUESTION, caller)
    assert (status, answer["service"]) == (200, "asked")
    assert answer["features"].keys() >= {"amount"}
    status, answer = deployed.features("delay", "other", QUESTION, caller)
    assert (status, answer["error"]["field"]) == (404, "service")


@pytest.mark.parametrize("body", [["5008827"], None, {}, 1.5])
def test_the_api_itself_refuses_what_cannot_be_a_question(
    deployed: World, caller: Credentials, body: Any
) -> None:
    assert deployed.ask("risk", body, caller) == (400, {"message": "Invalid request body"})


def test_the_api_refuses_whom_it_does_not_know(deployed: World, caller: Credentials) -> None:
    stranger = deployed.user("stranger", None)
    guessed = Credentials(caller.access_key, "guessed")
    asked = deployed.ask("risk", QUESTION, caller, key="guessed")
    assert asked == (403, {"message": "Forbidden"})
    for who, why in ((stranger, "is not authorized"), (guessed, "signature")):
        status, answer = deployed.ask("risk", QUESTION, who)
        assert status == 403
        assert why in answer["message"]


def test_a_later_deployment_changes_in_place_and_leaves_the_stages_to_the_machines(
    tmp_path: Path,
    templates: dict[str, Template],
    changed: dict[str, Template],
    predict: dict[str, str],
) -> None:
    with world(tmp_path, DEPLOYED, templates, predict) as first:
        before, functions = first.ids(), first.aws.client("lambda")
        first.serve_next_version("risk")
        serving = first.stage("risk")["variables"][names.STAGE_VARIABLE]
        first.deploy(changed, {"ApplicationVersion": "second", live_version("risk"): serving})
        assert first.ids() == before
        served = {model: first.stage(model)["variables"][names.STAGE_VARIABLE] for model in MODELS}
        assert served == {"risk": "2", "status": "1", "delay": "1"}
        memory = {
            version: functions.get_function_configuration(
                FunctionName=DEPLOYED.of_model("predict", "risk"), Qualifier=version
            )["MemorySize"]
            for version in ("1", "2", "$LATEST")
        }
        assert memory == {"1": 1024, "2": 1024, "$LATEST": 2048}
        caller = first.user("caller", "*/POST/predict")
        assert [first.ask(model, QUESTION, caller)[0] for model in MODELS] == [200, 200, 200]


def test_warming_finds_what_each_stage_names_after_promotions_and_in_a_canary(
    tmp_path: Path,
    templates: dict[str, Template],
    predict: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with world(tmp_path, DEPLOYED, templates, predict) as made:
        schedule = made.aws.client("scheduler").get_schedule(Name=STAGING.named("warm"))
        event = json.loads(schedule["Target"]["Input"])
        made.serve_next_version("risk")
        made.start_canary("delay")
        made.provision("status", "1")
        made.become(STAGING.named("warm"), monkeypatch)
        assert warm.handler(event, None) == {
            "risk": {"2": 1},
            "status": {},
            "delay": {"1": 1, "2": 1},
        }
        with pytest.raises(RuntimeError, match=r"not warmed: .*nobody.*AccessDenied"):
            warm.handler({**event, "models": ["risk", "nobody"]}, None)


def test_no_property_changes_that_cannot_be_changed_in_place(
    templates: dict[str, Template], changed: dict[str, Template]
) -> None:
    before, after = resources(templates), resources(changed)
    assert before.keys() == after.keys()
    different = [name for name in before if before[name] != after[name]]
    assert any(after[name]["Type"] == "AWS::Lambda::Function" for name in different)
    for name in different:
        assert not changed_properties(before[name], after[name]) & only_at_creation(after[name])
