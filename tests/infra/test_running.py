"""What runs: the job, the functions, the machines."""

import json
from dataclasses import replace
from typing import Any

import pytest

from hindcast import names
from tests.infra.deployments import MARKET, STACKS, models_of
from tests.infra.resources import Template, listed, of_type, only, properties, statements, text

Stacks = dict[str, Template]
FEATURES = [stack for stack in STACKS if stack.endswith("-features")]
MODELS = [stack for stack in STACKS if stack.endswith("-models")]
MACHINES = [stack for stack in STACKS if stack.endswith("-orchestration")]


@pytest.mark.parametrize("stack", FEATURES)
def test_the_jobs_are_glue_5_1_from_the_wheel(stacks: Stacks, stack: str) -> None:
    jobs = properties(stacks[stack], "AWS::Glue::Job")
    for job in jobs:
        arguments = {name: text(value) for name, value in job["DefaultArguments"].items()}
        assert job["GlueVersion"] == "5.1"
        assert arguments["--additional-python-modules"].endswith("/hindcast.gluewheels.zip")
        assert arguments["--python-modules-installer-option"] == "--no-index"
        assert "<ApplicationVersion>" in arguments["--additional-python-modules"]
    scripts = {text(job["Command"]["ScriptLocation"]).rpartition("/")[2]: job for job in jobs}
    assert scripts.keys() == {"refresh_features.py", "batch_predict.py"}
    assert scripts["refresh_features.py"]["ExecutionProperty"] == {"MaxConcurrentRuns": 1}


@pytest.mark.parametrize("stack", FEATURES)
def test_the_catalog_shows_delta_tables(stacks: Stacks, stack: str) -> None:
    tables = properties(stacks[stack], "AWS::Glue::Table")
    assert len(tables) == (7 if "production-us" in stack else 10)  # Of two sources and views.
    for table in tables:
        entry = table["TableInput"]
        place = text(entry["StorageDescriptor"]["Location"])
        assert place.startswith("s3://hindcast-")
        assert text(entry["StorageDescriptor"]["SerdeInfo"]["Parameters"]["path"]) == place
        assert entry["Parameters"]["spark.sql.sources.provider"] == "delta"


@pytest.mark.parametrize("stack", MODELS)
def test_functions_are_images_in_the_network(stacks: Stacks, stack: str) -> None:
    functions = properties(stacks[stack], "AWS::Lambda::Function")
    assert len(functions) == 10 + len(models_of(stack))
    for function in functions:
        assert function["PackageType"] == "Image"
        assert text(function["Code"]["ImageUri"]).endswith(":<ApplicationVersion>")
        is_inside = not function["FunctionName"].endswith("-webhooks")
        assert bool(function.get("VpcConfig", {}).get("SubnetIds")) == is_inside
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["LoggingConfig"]["LogGroup"]


@pytest.mark.parametrize("stack", MODELS)
def test_no_function_is_given_a_password(stacks: Stacks, stack: str) -> None:
    for function in properties(stacks[stack], "AWS::Lambda::Function"):
        variables = function["Environment"]["Variables"]
        url = text(variables.get(names.ENV_DATABASE_URL, ""))
        assert ":" not in url.removeprefix("postgresql://").split("@")[0] or "@" not in url


def test_predict_signs_in_to_the_proxy_by_iam(stacks: Stacks) -> None:
    variables = function(stacks, "predict-credit_risk")["Environment"]["Variables"]
    assert variables[names.ENV_DATABASE_AUTH] == names.DATABASE_AUTH_IAM
    url = text(variables[names.ENV_DATABASE_URL])
    assert url.startswith(f"postgresql://{names.DATABASE_READER}@")
    assert "Proxy" in url


@pytest.mark.parametrize("name", names.DATABASE_FUNCTIONS)
def test_each_who_works_signs_in_by_iam_as_a_user_of_its_own(stacks: Stacks, name: str) -> None:
    stack = f"hindcast-production-{'orchestration' if name == 'control-api' else 'models'}"
    found = function(stacks, name, stack)
    variables = found["Environment"]["Variables"]
    assert variables[names.ENV_DATABASE_AUTH] == names.DATABASE_AUTH_IAM
    assert names.ENV_DATABASE_SECRET not in variables
    user = names.database_user(name)
    url = text(variables[names.ENV_DATABASE_URL])
    assert url.startswith(f"postgresql://{user}@")
    assert url.endswith(":5432/hindcast?sslmode=verify-full")
    assert "Proxy" not in url
    may = [
        text(resource)
        for statement in of_role(stacks[stack], found)
        if listed(statement["Action"]) == ["rds-db:connect"]
        for resource in listed(statement["Resource"])
    ]
    assert [arn.rpartition("/")[2] for arn in may] == [user]


def of_role(template: Template, found: dict[str, Any]) -> list[Any]:
    """What the policies of a function's role allow."""
    [role] = [
        name
        for name in of_type(template, "AWS::IAM::Role")
        if text(found["Role"]).startswith(f"<{name}")
    ]
    return [
        statement
        for policy in of_type(template, "AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in statements(policy)
    ]


def function(
    stacks: Stacks, name: str, stack: str = "hindcast-production-models"
) -> dict[str, Any]:
    found = properties(stacks[stack], "AWS::Lambda::Function")
    return next(one for one in found if one["FunctionName"] == f"hindcast-production-{name}")


@pytest.mark.parametrize("stack", MODELS)
def test_predictions_go_from_the_log_to_the_lake(stacks: Stacks, stack: str) -> None:
    subscriptions = properties(stacks[stack], "AWS::Logs::SubscriptionFilter")
    logs = of_type(stacks[stack], "AWS::Logs::LogGroup")
    deployment = stack.removesuffix("-models")
    assert {
        logs[one["LogGroupName"]["Ref"]]["Properties"]["LogGroupName"] for one in subscriptions
    } == {f"/aws/lambda/{deployment}-predict-{model}" for model in models_of(stack)}
    [name] = of_type(stacks[stack], "AWS::Kinesis::Stream")
    for one in subscriptions:
        assert one["FilterPattern"] == '{ $.message = "prediction" }'
        assert name in text(one["DestinationArn"])
    source = only(stacks[stack], "AWS::Lambda::EventSourceMapping")["Properties"]
    assert name in text(source["EventSourceArn"])
    assert "FunctionsCollectLog" in text(source["FunctionName"])
    assert "PredictionLogFailed" in text(source["DestinationConfig"]["OnFailure"]["Destination"])
    assert source["MaximumBatchingWindowInSeconds"] == 60
    assert source["BisectBatchOnFunctionError"] is True


@pytest.mark.parametrize(("asked", "shards"), [(50, 1), (500, 1), (501, 2), (2000, 4)])
def test_a_stream_takes_what_callers_of_two_models_may_ask(asked: int, shards: int) -> None:
    sizes = replace(MARKET.sizes, requests_per_second=asked)
    assert replace(MARKET, sizes=sizes).line_shards == shards


@pytest.mark.parametrize("stack", MODELS)
def test_what_a_function_fails_at_is_kept(stacks: Stacks, stack: str) -> None:
    kept = {
        text(retries["FunctionName"]): text(retries["DestinationConfig"]["OnFailure"])
        for retries in properties(stacks[stack], "AWS::Lambda::EventInvokeConfig")
    }
    queues = of_type(stacks[stack], "AWS::SQS::Queue")
    assert {queue["Properties"]["QueueName"].rsplit("-")[-1] for queue in queues.values()} == {
        "uncollected",
        "uningested",
    }
    assert all(any(name in queue for name in queues) for queue in kept.values())
    assert ["FunctionsIngest" in kept_of for kept_of in kept] == [True]


@pytest.mark.parametrize("stack", MODELS)
def test_a_file_that_comes_into_the_bucket_is_ingested(stacks: Stacks, stack: str) -> None:
    rule = only(stacks[stack], "AWS::Events::Rule")["Properties"]
    deployment = stack.removesuffix("-models")
    pattern = rule["EventPattern"]
    assert (pattern["source"], pattern["detail-type"]) == (["aws.s3"], ["Object Created"])
    assert pattern["detail"]["object"] == {"key": [{"prefix": "incoming/"}]}
    assert text(pattern["detail"]["bucket"]["name"]).startswith(f"{deployment}-lake-")
    (target,) = rule["Targets"]
    assert "FunctionsIngest" in text(target["Arn"])
    assert "IncomingFailed" in text(target["DeadLetterConfig"]["Arn"])
    given = target["InputTransformer"]
    [(variable, path)] = given["InputPathsMap"].items()
    assert path == "$.detail"
    # Not inside quotes: a key may hold some.
    assert given["InputTemplate"] == f'{{"action":"ingest","created":<{variable}>}}'
    queues = of_type(stacks[stack], "AWS::SQS::QueuePolicy").values()
    allowed = [
        statement
        for queue in queues
        for statement in statements(queue)
        if statement["Principal"] == {"Service": "events.amazonaws.com"}
    ]
    assert [one["Action"] for one in allowed] == ["sqs:SendMessage"]


def test_files_are_ingested_two_at_a_time_with_room_for_large_ones(stacks: Stacks) -> None:
    found = function(stacks, "ingest")
    assert found["ReservedConcurrentExecutions"] == 2
    assert (found["Timeout"], found["EphemeralStorage"]) == (900, {"Size": 10240})


@pytest.mark.parametrize("stack", MACHINES)
def test_a_rebuild_that_was_stopped_is_followed_by_one_that_rolls_out_nothing(
    stacks: Stacks, stack: str
) -> None:
    """But for what a deployment holds the stage by, which it stops itself, and for the follower."""
    rules = [
        rule
        for rule in properties(stacks[stack], "AWS::Events::Rule")
        if "-rebuild-stopped-" in rule.get("Name", "")
    ]
    assert rules
    for rule in rules:
        detail, (target,) = rule["EventPattern"]["detail"], rule["Targets"]
        assert detail["status"] == ["ABORTED", "TIMED_OUT"]
        assert detail["input"] == [{"anything-but": {"wildcard": ['*"hold"*', '*"nothing"*']}}]
        assert detail["stateMachineArn"] == [target["Arn"]]
        model = rule["Name"].partition("-rebuild-stopped-")[2]
        assert json.loads(target["Input"]) == {"model": model, "release": "nothing"}
        assert "Undelivered" in text(target["DeadLetterConfig"]["Arn"])


@pytest.mark.parametrize("stack", MACHINES)
def test_machines_start_by_schedule_and_log(stacks: Stacks, stack: str) -> None:
    deployment = stack.removesuffix("-orchestration")
    schedules = {
        schedule["Name"].removeprefix(f"{deployment}-"): schedule
        for schedule in properties(stacks[stack], "AWS::Scheduler::Schedule")
    }
    rebuilds = {f"rebuild-{model}": model for model in models_of(stack)}
    drifts = {f"drift-{model}": model for model in models_of(stack)}
    others = {"refresh", "measure", "compact", "verify", "relay", "warm", "probe"}
    batches = {"batch-monthly"} if deployment == MARKET.prefix else set()
    assert set(schedules) == {*others, *rebuilds, *drifts, *batches}
    for name in batches:
        config = json.loads(text(schedules[name]["Target"]["Input"]))["config"]
        assert config.endswith("/to-score/monthly/batch.yaml")
    for name, schedule in schedules.items():
        kind = "rate(" if name in ("relay", "warm", "probe") else "cron("
        assert schedule["ScheduleExpression"].startswith(kind)
        assert schedule["ScheduleExpressionTimezone"] == "Etc/UTC"
        assert schedule["Target"]["DeadLetterConfig"]
    for name, model in rebuilds.items():
        given = json.loads(schedules[name]["Target"]["Input"])
        assert given["model"] == model
        assert given["canary"]["steps"] == ([50] if "staging" in stack else [5, 25, 50])
        assert given["training"] == "lambda"
    for name, model in drifts.items():
        given = {"model": model, "by": f"schedule {name}"}
        assert json.loads(schedules[name]["Target"]["Input"]) == given
    for name, action in {
        "measure": "measure",
        "compact": "compact",
        "verify": "verify",
        "relay": "deliver_events",
    }.items():
        assert json.loads(schedules[name]["Target"]["Input"]) == {"action": action}
    for machine in properties(stacks[stack], "AWS::StepFunctions::StateMachine"):
        assert machine["LoggingConfiguration"]["Level"] == "ALL"
        assert machine["LoggingConfiguration"]["IncludeExecutionData"] is False


def test_a_model_is_rebuilt_when_the_config_says(stacks: Stacks) -> None:
    found = properties(stacks[f"{MARKET.prefix}-orchestration"], "AWS::Scheduler::Schedule")
    when = {one["Name"]: one["ScheduleExpression"] for one in found}
    assert when[MARKET.of_model("rebuild", "credit")] == MARKET.schedule.rebuild
    assert when[MARKET.of_model("rebuild", "credit-v2")] == MARKET.schedule.rebuilds["credit-v2"]
