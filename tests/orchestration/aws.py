"""The edge of AWS in these tests: calls that moto cannot answer, answered by what lies behind them.

Every other call goes on to moto. Each is checked against botocore's model of it first, for the
interpreter does not.
"""

import json
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator

Given = dict[str, Any]
Answer = dict[str, Any]
Fake = Callable[[Given], Answer]
Handler = Callable[[Any, Any], Any]


@dataclass
class Edge:
    """Who answers which call, and every call that was made.

    before: told how often a call was made, this time included, before it is answered.
    """

    fakes: dict[tuple[str, str], Fake] = field(default_factory=dict)
    before: dict[tuple[str, str], Callable[[int], None]] = field(default_factory=dict)
    calls: list[tuple[str, str, Given]] = field(default_factory=list)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Stand between botocore and moto."""
        onwards = BaseClient._make_api_call

        def call(client: Any, operation: str, given: Given) -> Any:
            service = client.meta.service_model.service_name
            self.calls.append((service, operation, deepcopy(given)))
            _check(client, operation, given)
            if tell := self.before.get((service, operation)):
                tell(len(self.made(service, operation)))
            fake = self.fakes.get((service, operation))
            return fake(given) if fake else onwards(client, operation, given)

        patch.setattr(BaseClient, "_make_api_call", call)

    def made(self, service: str, operation: str) -> list[Given]:
        """What was given with each call of that name."""
        return [given for s, o, given in self.calls if (s, o) == (service, operation)]


def _check(client: Any, operation: str, given: Given) -> None:
    shape = client.meta.service_model.operation_model(operation).input_shape
    report = ParamValidator().validate(given, shape)
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())


def refusal(code: str, message: str, operation: str, status: int = 400) -> ClientError:
    """An error as AWS answers with it."""
    facts: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "test"},
    }
    return ClientError(facts, operation)


@dataclass
class Functions:
    """Lambda's Invoke: our handlers, given and answering JSON as the runtime does."""

    handlers: Mapping[str, Handler]
    before: dict[str, Callable[[], None]] = field(default_factory=dict)

    def invoke(self, given: Given) -> Answer:
        name = given["FunctionName"].rpartition(":")[2]
        self.before.get(name, lambda: None)()
        event = json.loads(given["Payload"])
        try:
            # Of the context only the version is told, as nobody looks at more.
            answer, error = self.handlers[name](event, given.get("Qualifier")), {}
        except Exception as raised:  # noqa: BLE001  As the runtime does.
            facts = {"errorType": type(raised).__name__, "errorMessage": str(raised)}
            answer, error = {**facts, "stackTrace": ["  a trace\n"]}, {"FunctionError": "Unhandled"}
        return {"StatusCode": 200, "Payload": _Body(json.dumps(answer).encode()), **error}


@dataclass
class _Body:
    content: bytes

    def read(self) -> bytes:
        return self.content


@dataclass
class Jobs:
    """Jobs that are done when they are started: how each went is what its work returns."""

    work: Callable[[Given], str | None]
    ended: dict[str, str | None] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

    def run(self, given: Given) -> str:
        """Do the work; the job's id, under which `ended` has its error or None."""
        name = f"job-{next(self.numbers)}"
        self.ended[name] = self.work(given)
        return name


def glue(jobs: Jobs) -> dict[tuple[str, str], Fake]:
    """Glue's runs of one job."""

    def ask(given: Given) -> Answer:
        error = jobs.ended[given["RunId"]]
        facts = {"JobRunState": "FAILED", "ErrorMessage": error} if error else {}
        return {"JobRun": {"Id": given["RunId"], "JobRunState": "SUCCEEDED", **facts}}

    return {
        ("glue", "StartJobRun"): lambda given: {"JobRunId": jobs.run(given)},
        ("glue", "GetJobRun"): ask,
    }


def codebuild(jobs: Jobs) -> dict[tuple[str, str], Fake]:
    """CodeBuild's builds of one project."""

    def ask(given: Given) -> Answer:
        [build] = given["ids"]
        status = "FAILED" if jobs.ended[build] else "SUCCEEDED"
        return {"builds": [{"id": build, "buildStatus": status}]}

    return {
        ("codebuild", "StartBuild"): lambda given: {
            "build": {"id": jobs.run(given), "buildStatus": "IN_PROGRESS"}
        },
        ("codebuild", "BatchGetBuilds"): ask,
    }


def sagemaker(jobs: Jobs) -> dict[tuple[str, str], Fake]:
    """SageMaker's training jobs, the last one of which is asked after."""

    def start(given: Given) -> Answer:
        jobs.run(given)
        return {"TrainingJobArn": f"arn:aws:sagemaker:::training-job/{given['TrainingJobName']}"}

    def ask(given: Given) -> Answer:
        error = list(jobs.ended.values())[-1]
        facts = {"TrainingJobStatus": "Failed", "FailureReason": error} if error else {}
        return {**given, "TrainingJobStatus": "Completed", **facts}

    return {
        ("sagemaker", "CreateTrainingJob"): start,
        ("sagemaker", "DescribeTrainingJob"): ask,
    }
