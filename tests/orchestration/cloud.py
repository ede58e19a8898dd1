"""The state machines on moto, with our handlers, a home that was lived in, and a stage."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.sns.models import sns_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from hindcast import names
from hindcast.stores.ledger import Run
from lambdas.batch.handler import handler as batch
from lambdas.control.handler import handler as control
from lambdas.drift.handler import handler as drift
from lambdas.evaluate.handler import handler as evaluate
from lambdas.train.handler import handler as train
from tests.integration.hindsight import Home
from tests.orchestration import interpreter
from tests.orchestration.aws import Edge, Functions, Jobs, codebuild, glue, sagemaker
from tests.orchestration.stage import Stage

MACHINES = Path(__file__).parents[2] / "step_functions"
NAMES = sorted(path.name.partition(".")[0] for path in MACHINES.glob("*.asl.json"))
AS_OF, KNOWN_BY = "2021-09-17", "2021-09-18"
REGION, ACCOUNT = "eu-west-1", "123456789012"
ALARMS = ("predict-errors", "predict-latency")
PLACEHOLDER = re.compile(r"\$\{(\w+)\}")
# A canary that does not keep a test waiting.
INPUT = {"as_of": AS_OF, "known_by": KNOWN_BY, "canary": {"looks": 1, "look_seconds": 0}}
# Long enough for Spark on a machine that is busy: it only bounds a machine that never ends.
SECONDS_TO_END = 300


@dataclass
class Ended:
    """An execution, when it has ended."""

    status: str
    output: Any
    error: str | None
    cause: str | None
    states: list[str]


@dataclass
class Cloud:
    """What a test looks at and tampers with."""

    home: Home
    edge: Edge
    stage: Stage
    functions: Functions
    glue: Jobs
    builds: Jobs
    trainings: Jobs
    pauses: list[float]
    topic: str
    machines: dict[str, str]

    def start(self, name: str, machine: str = "rebuild", **more: Any) -> str:
        """Start an execution; its ARN."""
        usual = {"refresh": DATA, "batch": {}}.get(machine, INPUT)
        document = json.dumps({**usual, **more})
        started = client("stepfunctions").start_execution(
            stateMachineArn=self.machines[machine], name=name, input=document
        )
        arn: str = started["executionArn"]
        return arn

    def run(self, name: str, machine: str = "rebuild", **more: Any) -> Ended:
        """Start an execution and wait for its end."""
        return self.wait(self.start(name, machine, **more))

    def wait(self, execution: str) -> Ended:
        """What an execution ended with."""
        deadline = time.monotonic() + SECONDS_TO_END
        # Asked of the interpreter itself: each call of its API takes time from the machine.
        machines = stepfunctions_parser_backends[ACCOUNT][REGION]
        while machines.describe_execution(execution).status == "RUNNING":
            assert time.monotonic() < deadline, history(execution)
            time.sleep(0.05)
        found = describe(execution)
        output = json.loads(found["output"]) if "output" in found else None
        return Ended(
            found["status"], output, found.get("error"), found.get("cause"), history(execution)
        )

    def await_run(self, run_id: str) -> None:
        """Wait until a run is open in the ledger."""
        deadline = time.monotonic() + SECONDS_TO_END
        while run_id not in [run.id for run in self.rebuilds]:
            assert time.monotonic() < deadline, run_id
            time.sleep(0.05)

    def rework(self, change: Callable[[dict[str, Any]], None], machine: str = "rebuild") -> None:
        """Change a machine's states, such as a timeout that a test cannot wait for."""
        document = json.loads(definition(machine, substitutions(self.topic)))
        change(document["States"])
        client("stepfunctions").update_state_machine(
            stateMachineArn=self.machines[machine], definition=json.dumps(document)
        )

    def ask(self, asked: int, failed: int = 0) -> None:
        """Let so many requests have met the canary, within the minute that is looked at first."""
        at = datetime.now(UTC) + timedelta(seconds=90)
        stage = [
            {"Name": "ApiName", "Value": "hindcast"},
            {"Name": "Stage", "Value": "live/Canary"},
        ]
        data = [
            {"MetricName": name, "Value": value, "Timestamp": at, "Dimensions": stage}
            for name, value in (("Count", asked), ("5XXError", failed))
        ]
        client("cloudwatch").put_metric_data(Namespace="AWS/ApiGateway", MetricData=data)

    def ring(self, alarm: str, value: str = "ALARM") -> None:
        client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue=value, StateReason="test")

    @staticmethod
    def subject(text: str) -> str:
        """A notice's subject as SNS takes it."""
        return text[:100]

    @property
    def notifications(self) -> list[tuple[str, dict[str, Any]]]:
        """Subject and message of everything that was told."""
        sent = sns_backends[ACCOUNT][REGION].topics[self.topic].sent_notifications
        return [(str(subject), json.loads(message)) for _, message, subject, *_ in sent]

    @property
    def rebuilds(self) -> list[Run]:
        """The ledger's runs of the machine, newest first."""
        return self.home.application.ledger.runs(names.REBUILD)

    @property
    def champion(self) -> str:
        return self.home.application.champion("credit_risk").release

    def versions(self) -> list[str]:
        """The published versions of the predict function, and whether the gateway may call each."""
        found = client("lambda").list_versions_by_function(FunctionName="predict")["Versions"]
        return [one["Version"] for one in found if one["Version"] != "$LATEST"]


DATA = {"as_of": AS_OF, "known_by": KNOWN_BY}


def ping(event: Any, version: Any, function: str = "predict") -> dict[str, Any]:
    """What a version of predict answers to the machine; its description names the release in it."""
    found = client("lambda").get_function_configuration(FunctionName=function, Qualifier=version)
    release = found["Description"] or None
    if "synthetic" in event:
        return answered(event, release)
    assert event == {"warmup": True}
    return {"warm": True, "release": release}


def answered(event: Any, release: str | None, failed: int = 0, slow: int = 0) -> dict[str, Any]:
    """What predict tells of so many synthetic requests."""
    asked, why = event["synthetic"], "503: the online store does not answer; try again"
    assert asked["bodies"]
    counts = {"asked": asked["times"], "failed": failed, "slow": slow}
    return {"release": release, **counts, "why": why if failed else None}


@cache
def client(service: str) -> Any:
    """A client of the emulated AWS, whose making takes longer than most calls."""
    return boto3.client(service, region_name=REGION)


def describe(execution: str) -> dict[str, Any]:
    found: dict[str, Any] = client("stepfunctions").describe_execution(executionArn=execution)
    return found


def history(execution: str) -> list[str]:
    """The states that an execution entered, in order."""
    events = client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    entered = [event.get("stateEnteredEventDetails") for event in events]
    return [one["name"] for one in entered if one]


def substitutions(topic: str) -> dict[str, str]:
    """A value for each placeholder."""
    functions = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function"
    return {
        "BatchFunctionArn": f"{functions}:batch",
        "IngestFunctionArn": f"{functions}:ingest",
        "DriftFunctionArn": f"{functions}:drift",
        "TrainFunctionArn": f"{functions}:train",
        "EvaluateFunctionArn": f"{functions}:evaluate",
        "ControlFunctionArn": f"{functions}:control",
        "ModelName": "credit_risk",
        "PredictFunctionName": "predict",
        "PredictRepositoryUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/predict",
        "ApiExecutionArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:a1b2c3/live/*/*",
        "GlueJobName": "refresh-features",
        "BatchJobName": "batch-predict",
        "BuildProjectName": "predict-image",
        "RestApiId": "a1b2c3",
        "StageName": "live",
        "AlarmNames": ",".join(ALARMS),
        "AlarmSeconds": "0",
        "ApiName": "hindcast",
        "ErrorPercent": "1",
        "LatencyP99Ms": "500",
        "TopicArn": topic,
        "TrainPath": "lambda",
        "TrainJobPrefix": "hindcast-credit-risk--",
        "TrainJobInstanceType": "ml.m5.4xlarge",
        "TrainJobOutputUri": "s3://hindcast/training-jobs",
        "KeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1",
        "TrainJobRoleArn": f"arn:aws:iam::{ACCOUNT}:role/training-job",
    }


def definition(machine: str, given: dict[str, str]) -> str:
    """A machine with its placeholders substituted, each of which must be known."""
    text = (MACHINES / f"{machine}.asl.json").read_text()
    return PLACEHOLDER.sub(lambda found: given[found[1]], text)


@contextmanager
def cloud(home: Home) -> Iterator[Cloud]:
    """Everything but the home is new."""
    config: Any = {
        "stepfunctions": {"execute_state_machine": True},
        "lambda": {"use_docker": False},
    }
    with pytest.MonkeyPatch.context() as patch, mock_aws(config=config):
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        pauses = interpreter.repair(patch)
        edge, stage = Edge(), Stage()
        functions = Functions(
            {
                "batch": batch,
                "control": control,
                "drift": drift,
                "ingest": control,
                "evaluate": evaluate,
                "train": train,
                "predict": ping,
            }
        )
        jobs, builds, trainings = (Jobs(lambda _: None) for _ in range(3))
        topic = client("sns").create_topic(Name="hindcast")["TopicArn"]
        _settle(patch, home, topic)
        given = substitutions(topic)
        machines = {name: create(name, name, given) for name in NAMES}
        edge.fakes.update({("lambda", "Invoke"): functions.invoke, **stage.fakes})
        edge.fakes.update({**glue(jobs), **codebuild(builds), **sagemaker(trainings)})
        edge.install(patch)
        yield Cloud(home, edge, stage, functions, jobs, builds, trainings, pauses, topic, machines)


def _settle(patch: pytest.MonkeyPatch, home: Home, topic: str) -> None:
    """The handlers' environment, the function that serves, and its alarms."""
    for name, value in {
        names.ENV_HOME: home.folder,
        names.ENV_PROJECT: home.definitions.parent,
        names.ENV_DATABASE_URL: home.database_url,
        names.ENV_TOPIC_ARN: topic,
        "LOGNAME": "control",
    }.items():
        patch.setenv(name, str(value))
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    client("iam").create_role(RoleName="any", AssumeRolePolicyDocument=document)
    for name in ("predict", "train"):
        function(name, _champion(home) or "")
    for name in ALARMS:
        alarm(name)


def function(name: str, description: str) -> None:
    """Create a function; version 1 of it has this description."""
    client("lambda").create_function(
        FunctionName=name,
        Role=f"arn:aws:iam::{ACCOUNT}:role/any",
        PackageType="Image",
        Publish=name != "train",
        Description=description,
        Code={"ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}:first"},
        Environment={"Variables": {"HINDCAST_LAKE": "s3://lake"}},
        VpcConfig={"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    )


def alarm(name: str) -> None:
    """Create an alarm that does not ring."""
    client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        MetricName="Errors",
        Namespace="AWS/Lambda",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
        Statistic="Sum",
    )
    client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="OK", StateReason="test")


def _champion(home: Home) -> str | None:
    found = home.application.ledger.champion("credit_risk")
    return found.release if found else None


def create(name: str, machine: str, given: dict[str, str]) -> str:
    """Create a machine of that name, with its placeholders substituted; its ARN."""
    created = client("stepfunctions").create_state_machine(
        name=name,
        definition=definition(machine, given),
        roleArn=f"arn:aws:iam::{ACCOUNT}:role/any",
    )
    arn: str = created["stateMachineArn"]
    return arn
