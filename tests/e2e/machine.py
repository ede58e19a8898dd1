"""What the state machines send to functions: each state's own payload, with its variables in it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import jsonata  # type: ignore[import-untyped]

from tests.e2e.emulator import ROOT, Function
from tests.e2e.functions import PREFIX, template
from tests.infra.resources import properties, text

STARTED = "2021-09-18T05:00:00.123Z"


PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


def definition(machine: str) -> str:
    """A machine's file, such as that of rebuild-credit_risk, with the template's values in it."""
    machines = properties(template("orchestration"), "AWS::StepFunctions::StateMachine")
    [found] = [one for one in machines if one["StateMachineName"] == f"{PREFIX}{machine}"]
    values = found["DefinitionSubstitutions"]
    written = (ROOT / "step_functions" / f"{machine.partition('-')[0]}.asl.json").read_text()
    return PLACEHOLDER.sub(lambda placeholder: text(values[placeholder[1]]), written)


@dataclass
class Execution:
    """An execution of a machine of staging, whose Lambda tasks a test walks through in order."""

    machine: str
    name: str
    given: dict[str, Any]
    variables: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.states: dict[str, Any] = json.loads(definition(self.machine))["States"]
        self._assign(self.states["Settle"], {})

    @property
    def id(self) -> str:
        return f"arn:aws:states:eu-west-1:123456789012:execution:{self.machine}:{self.name}"

    def payload(self, state: str) -> Any:
        """What the machine sends to a function in this state."""
        return self._evaluated(self.states[state]["Arguments"]["Payload"], {})

    def task(self, state: str, function: Function) -> Any:
        """Let a function do a state's task; its answer, of which the machine keeps what it says."""
        answer = function.invoke(self.payload(state))
        self._assign(self.states[state], {"result": {"Payload": answer}})
        return answer

    def _assign(self, state: dict[str, Any], told: dict[str, Any]) -> None:
        self.variables |= self._evaluated(state.get("Assign", {}), told)

    def _evaluated(self, value: Any, told: dict[str, Any]) -> Any:
        if isinstance(value, dict):
            return {name: self._evaluated(item, told) for name, item in value.items()}
        if isinstance(value, list):
            return [self._evaluated(item, told) for item in value]
        if isinstance(value, str) and value.startswith("{%"):
            return self._jsonata(value[2:-2], told)
        return value

    def _jsonata(self, expression: str, told: dict[str, Any]) -> Any:
        execution = {"Id": self.id, "Name": self.name, "StartTime": STARTED}
        states = {"input": self.given, "context": {"Execution": execution}, **told}
        parsed = jsonata.Jsonata(expression)
        frame = parsed.create_frame()
        for name, value in {**self.variables, "states": states}.items():
            frame.bind(name, value)
        return json.loads(json.dumps(parsed.evaluate(None, frame)))
