"""The synthesized templates on a local AWS: every stack, a request through the API, an update."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from hindcast import names, project
from hindcast.demo.generate import generate
from hindcast.serving.predictor import Prediction, open_predictor
from hindcast.serving.requests import Question
from infra.config import FUNCTIONS, STAGING
from infra.constructs.routes import ROUTES
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
from tests.e2e.world import KNOWN, UNKNOWN, World, synthesize, world
from tests.infra.deployments import CAPABILITIES
from tests.integration.hindsight import AS_OF, FAST, Home, ingest

# What a later deployment changes: sizes, limits, how long logs are kept.
CHANGED = replace(
    STAGING,
    log_days=90,
    sizes=replace(STAGING.sizes, predict_memory=2048, requests_per_second=80),
    thresholds=replace(STAGING.thresholds, latency_p99_ms=300),
)
PREDICT = STAGING.named("predict")
pytestmark = pytest.mark.skipif(bool(emulator.missing()), reason=str(emulator.missing()))
UNKNOWN_TO_IT = "Unrecognized resource types|Unsupported resource type|is not supported"


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    return synthesize(tmp_path_factory.mktemp("cdk.out"), STAGING)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    return synthesize(tmp_path_factory.mktemp("cdk.out"), CHANGED)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Home:
    """A home with materialized loans and one trained release."""
    home = Home(tmp_path_factory.mktemp("home"), module_database_url)
    home.definitions.parent.mkdir()
    example = project.default_folder() / "definitions.py"
    home.definitions.write_text(example.read_text() + FAST)
    generate(home.folder / "loans.csv", customers=300, seed=3)
    ingest(home.application, home.folder / "loans.csv")
    home.materialize()
    home.train(AS_OF)
    return home


@pytest.fixture(scope="module")
def predict(home: Home) -> Iterator[dict[str, str]]:
    """The predict handler under the runtime emulator: its URL, by the function's name."""
    [release] = home.releases
    environment = {
        names.ENV_DATABASE_URL: home.database_url,
        names.ENV_RELEASE_DIR: str(home.application.release_folder(release)),
    }
    with emulator.function("lambdas.predict.handler.handler", environment, PREDICT) as started:
        # Its start is not what the API's 15 seconds are for, on a machine that has other work.
        assert started.invoke({"warmup": True}) == {"warm": True, "release": release}
        yield {PREDICT: started.url}


@pytest.fixture(scope="module")
def deployed(
    tmp_path_factory: pytest.TempPathFactory,
    templates: dict[str, Template],
    predict: dict[str, str],
) -> Iterator[World]:
    """Not to be changed."""
    with world(tmp_path_factory.mktemp("aws"), templates, predict) as made:
        yield made


@pytest.fixture(scope="module")
def caller(deployed: World) -> Credentials:
    return deployed.user("caller", "POST/predict")


def test_every_stack_comes_to_be_with_all_but_what_is_pruned(
    deployed: World, templates: dict[str, Template]
) -> None:
    made = resources(templates)
    assert set(templates) == set(map(STAGING.named, CAPABILITIES))
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


def test_the_stage_names_the_first_version_of_predict(deployed: World) -> None:
    versions = deployed.aws.client("lambda").list_versions_by_function(FunctionName=PREDICT)
    assert [one["Version"] for one in versions["Versions"]] == ["$LATEST", "1"]
    assert deployed.stage["variables"] == {names.STAGE_VARIABLE: "1"}
    assert "canarySettings" not in deployed.stage


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
    assert set(images) == {STAGING.named(name) for name in (*FUNCTIONS, "migrate", "ingest")}
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
    assert found.keys() == {STAGING.named("refresh"), STAGING.named("rebuild")}
    for written in made:
        text = found[written["StateMachineName"]]["definition"]
        assert (
            json.loads(text)["States"].keys()
            == json.loads(written["DefinitionString"])["States"].keys()
        )
        assert "${" not in text
    assert f'"RestApiId": "{deployed.api}"' in found[STAGING.named("rebuild")]["definition"]


def test_schedules_start_what_was_deployed(deployed: World) -> None:
    scheduler = deployed.aws.client("scheduler")
    found = {
        one["Name"]: scheduler.get_schedule(Name=one["Name"])
        for one in scheduler.list_schedules()["Schedules"]
    }
    schedule = STAGING.schedule
    assert {name: one["ScheduleExpression"] for name, one in found.items()} == {
        STAGING.named("refresh"): schedule.refresh,
        STAGING.named("rebuild"): schedule.rebuild,
        STAGING.named("measure"): schedule.measure,
        STAGING.named("compact"): schedule.compact,
    }
    targets = {name: one["Target"]["Arn"].rpartition(":")[2] for name, one in found.items()}
    assert targets == {
        **{name: name for name in found},
        STAGING.named("measure"): STAGING.named("control"),
        STAGING.named("compact"): STAGING.named("control"),
    }


def test_the_workers_secret_leads_to_the_database(deployed: World) -> None:
    secret = deployed.aws.client("secretsmanager").get_secret_value(
        SecretId=STAGING.named("worker")
    )
    [instance] = deployed.aws.client("rds").describe_db_instances()["DBInstances"]
    found = json.loads(secret["SecretString"])
    assert (found["username"], found["dbname"]) == (names.DATABASE_WORKER, names.DATABASE_NAME)
    assert found["host"] == instance["Endpoint"]["Address"]


def test_an_id_goes_through_the_api_and_comes_back_as_a_prediction(
    deployed: World, caller: Credentials, home: Home
) -> None:
    status, answer = deployed.ask({"id": KNOWN}, caller)
    expected = predicted(home)
    assert status == 200
    assert answer["id"] == KNOWN
    assert expected.score.document.items() <= answer.items()
    assert answer["release"] == expected.release == home.releases[0]
    assert answer["features_as_of"] == expected.row.features_as_of.isoformat()


def predicted(home: Home) -> Prediction:
    """The same in this process."""
    folder = home.application.release_folder(home.releases[0])
    settings = replace(home.application.settings, release_dir=folder)
    predictor = open_predictor(settings)
    try:
        return predictor.predict(Question((int(KNOWN),)), datetime.now(UTC))
    finally:
        predictor.close()


def test_an_unknown_id_is_404_through_the_api(deployed: World, caller: Credentials) -> None:
    status, answer = deployed.ask({"id": UNKNOWN}, caller)
    assert status == 404
    assert answer == {"error": {"field": "id", "message": "there is no customer with id 1"}}


def test_a_model_is_asked_by_its_name_through_the_api(deployed: World, home: Home) -> None:
    model = home.application.project.model().name
    caller = deployed.user("by-name", "POST/models/*/predict")
    status, answer = deployed.ask({"id": KNOWN}, caller, path=f"/models/{model}/predict")
    assert (status, answer.get("id")) == (200, KNOWN)
    status, answer = deployed.ask({"id": KNOWN}, caller, path="/models/other/predict")
    assert (status, answer["error"]["field"]) == (404, "model")


@pytest.mark.parametrize("body", [["5008827"], None, {}, 1.5])
def test_the_api_itself_refuses_what_cannot_be_a_question(
    deployed: World, caller: Credentials, body: Any
) -> None:
    assert deployed.ask(body, caller) == (400, {"message": "Invalid request body"})


def test_the_api_refuses_whom_it_does_not_know(deployed: World, caller: Credentials) -> None:
    stranger = deployed.user("stranger", None)
    guessed = Credentials(caller.access_key, "guessed")
    assert deployed.ask({"id": KNOWN}, caller, key="guessed") == (403, {"message": "Forbidden"})
    for who, why in ((stranger, "is not authorized"), (guessed, "signature")):
        status, answer = deployed.ask({"id": KNOWN}, who)
        assert status == 403
        assert why in answer["message"]


def test_a_later_deployment_changes_in_place_and_leaves_the_stage_to_the_machine(
    tmp_path: Path,
    templates: dict[str, Template],
    changed: dict[str, Template],
    predict: dict[str, str],
) -> None:
    with world(tmp_path, templates, predict) as first:
        before, functions = first.ids(), first.aws.client("lambda")
        first.serve_next_version()
        serving = first.stage["variables"][names.STAGE_VARIABLE]
        first.deploy(changed, {"ApplicationVersion": "second", "LivePredictVersion": serving})
        assert first.ids() == before
        assert first.stage["variables"] == {names.STAGE_VARIABLE: "2"}
        memory = {
            version: functions.get_function_configuration(FunctionName=PREDICT, Qualifier=version)[
                "MemorySize"
            ]
            for version in ("1", "2", "$LATEST")
        }
        assert memory == {"1": 1024, "2": 1024, "$LATEST": 2048}
        assert first.ask({"id": KNOWN}, first.user("caller", "POST/predict"))[0] == 200


def test_no_property_changes_that_cannot_be_changed_in_place(
    templates: dict[str, Template], changed: dict[str, Template]
) -> None:
    before, after = resources(templates), resources(changed)
    assert before.keys() == after.keys()
    different = [name for name in before if before[name] != after[name]]
    assert any(after[name]["Type"] == "AWS::Lambda::Function" for name in different)
    for name in different:
        assert not changed_properties(before[name], after[name]) & only_at_creation(after[name])
