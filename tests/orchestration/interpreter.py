"""What moto's interpreter of state machines lacks: JSONata, casing, and jobs that are awaited."""

import json
import re
from collections.abc import Callable
from datetime import datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import jsonata  # type: ignore[import-untyped]
import pytest
from jsonata.utils import Utils  # type: ignore[import-untyped]
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service,
    state_task_service_callback,
    state_task_service_glue,
    state_task_service_unsupported,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
)
from moto.stepfunctions.parser.asl.eval import states, variable_store
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.jsonata import jsonata as evaluation
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

Service = Any

# Service of an awaited job -> how it is asked after, and where the answer has its state.
JOBS: dict[str, tuple[str, Callable[[Any, Any], dict[str, str | list[str]]], str]] = {
    "codebuild": ("BatchGetBuilds", lambda _, out: {"ids": [out["Build"]["Id"]]}, "buildStatus"),
    "sagemaker": (
        "DescribeTrainingJob",
        lambda given, _: {"TrainingJobName": given["TrainingJobName"]},
        "TrainingJobStatus",
    ),
}
# Characters that JSON never has as they are.
_DECLARED = re.compile("\x02(.*?)\x03")
UNDER_WAY, WELL = ("IN_PROGRESS", "InProgress"), ("SUCCEEDED", "Completed")


def repair(patch: pytest.MonkeyPatch) -> list[float]:
    """Mend moto for as long as the patch holds; the list gets the pauses between tries."""
    pauses: list[float] = []
    patch.setattr(evaluation, "_eval_jsonata", _evaluate)
    for module in (states, variable_store):
        patch.setattr(module, "encode_jsonata_variable_declarations", _declare)
    base = state_task_service.StateTaskService
    patch.setattr(base, "_normalise_parameters", _to_boto)
    patch.setattr(base, "_normalise_response", _from_boto)
    # Awaiting a job trips over a callback that only the other pattern has.
    both = {ResourceCondition.Sync, ResourceCondition.WaitForTaskToken}
    for module in (state_task_service_glue, state_task_service_unsupported):
        patch.setattr(module, "_SUPPORTED_INTEGRATION_PATTERNS", both)
    unsupported = state_task_service_unsupported.StateTaskServiceUnsupported
    patch.setattr(unsupported, "_build_sync_resolver", _await)
    patch.setattr(state_task_service_callback, "_DELAY_SECONDS_SYNC_CONDITION_CHECK", 0.05)
    # A definition takes a third of a second to check, for each home that a test gets.
    patch.setattr(StepFunctionsParserBackend, "_validate_definition", staticmethod(_valid))
    patch.setattr(retrier_decl, "time", SimpleNamespace(sleep=pauses.append))
    return pauses


@cache
def _valid(definition: str) -> None:
    """Raise where a definition does not parse, once for each."""
    AmazonStateLanguageParser.parse(definition)


def _evaluate(expression: str) -> Any:
    try:
        variables: dict[str, Any] = {}
        for declared in _DECLARED.findall(expression):
            variables |= json.loads(declared)
        found = jsonata.Jsonata(_DECLARED.sub("", expression))
        return json.loads(json.dumps(found.evaluate(None, _bindings(variables))))
    except Exception as error:
        raise evaluation.JSONataException("UNKNOWN", str(error)) from error


def _bindings(variables: dict[str, Any]) -> dict[str, Any]:
    """What JSONata binds: names without their sign, and a null that is not a lack."""
    return {
        name.removeprefix("$"): Utils.NULL_VALUE if value is None else value
        for name, value in variables.items()
    }


def _declare(bindings: dict[str, Any]) -> str:
    """Variables as JSON for _evaluate; moto's assignments lack escapes, and take long to parse."""
    return f"\x02{json.dumps(bindings, default=str)}\x03"


def _to_boto(
    self: Service, parameters: Any, boto_service_name: Any = None, service_action_name: Any = None
) -> None:
    self._to_boto_request(parameters, _operation(self).input_shape)


def _from_boto(
    self: Service, response: Any, boto_service_name: Any = None, service_action_name: Any = None
) -> None:
    if (shape := _operation(self).output_shape) is not None:
        self._from_boto_response(response, shape)
    _spell_instants(response)


def _operation(self: Service, action: str | None = None) -> Any:
    client = boto_client_for("us-east-1", self._get_boto_service_name())
    wanted = action or self.resource.api_action
    return client.meta.service_model.operation_model(wanted[0].upper() + wanted[1:])


def _spell_instants(value: Any) -> None:
    """Instants as text, in place: a state's result is JSON."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in list(items):
        if isinstance(item, datetime):
            value[key] = item.isoformat()
        elif isinstance(item, dict | list):
            _spell_instants(item)


def _await(
    self: Service, env: Any, resource_runtime_part: Any, normalised_parameters: Any, **_: Any
) -> Callable[[], Any]:
    """Ask after a job until it has ended; a job that failed is States.TaskFailed."""
    started = env.stack.pop()
    action, asking, state = JOBS[self.resource.api_name]
    operation = _operation(self, action)
    client = boto_client_for(resource_runtime_part.region, self._get_boto_service_name())

    def ask() -> Any:
        given = asking(normalised_parameters, started)
        answer = client._make_api_call(action, given)
        job = answer["builds"][0] if "builds" in answer else answer
        if job[state] in UNDER_WAY:
            return None
        ended = job[state]
        self._from_boto_response(answer, operation.output_shape)
        _spell_instants(answer)
        result = {"Build": answer["Builds"][0]} if "Builds" in answer else answer
        if ended not in WELL:
            raise FailureEventException(_failed(self, env, result))
        return result

    return ask


def _failed(self: Service, env: Any, job: Any) -> FailureEvent:
    error = StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed)
    details: Any = {"error": error.error_name, "cause": json.dumps(job, default=str)}
    events: Any = EventDetails
    return FailureEvent(
        env=env,
        error_name=error,
        event_type=HistoryEventType.TaskFailed,
        event_details=events(taskFailedEventDetails=details),
    )
