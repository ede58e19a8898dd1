"""An API Gateway stage that keeps its canary, which moto's does not."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from tests.orchestration.aws import Answer, Fake, Given, refusal

CANARY = "canarySettings"
REPLACEABLE = ("percentTraffic", "deploymentId", "useStageCache", "stageVariableOverrides")


@dataclass
class Stage:
    """One stage; `shifts` are the shares of traffic that its canary had, in order."""

    document: dict[str, Any] = field(
        default_factory=lambda: {
            "stageName": "live",
            "deploymentId": "d1",
            "variables": {"predictVersion": "1", "other": "kept"},
        }
    )
    shifts: list[float] = field(default_factory=list)
    on_shift: Callable[[float], None] = lambda _: None
    before_update: Callable[[Given], None] = lambda _: None

    @property
    def fakes(self) -> dict[tuple[str, str], Fake]:
        return {("apigateway", "GetStage"): self.get, ("apigateway", "UpdateStage"): self.update}

    def get(self, given: Given) -> Answer:
        return deepcopy(self.document)

    def update(self, given: Given) -> Answer:
        """Apply a patch whole or not at all, in its order."""
        self.before_update(given)
        changed = deepcopy(self.document)
        for operation in given["patchOperations"]:
            _apply(changed, operation)
        self.document = changed
        if (share := changed.get(CANARY, {}).get("percentTraffic")) is not None:
            self.shifts.append(share)
            self.on_shift(share)
        return deepcopy(changed)


def _apply(document: dict[str, Any], operation: Given) -> None:
    path = operation["path"].strip("/").split("/")
    if operation["op"] == "copy":
        source, place = operation["from"].strip("/").split("/"), document
        for part in source:
            place = place[part]
        if path != ["deploymentId"]:
            raise _unsupported(operation)
        document["deploymentId"] = place
    elif operation["op"] == "remove" and path == [CANARY] and CANARY in document:
        del document[CANARY]
    elif operation["op"] == "replace" and path[0] == "variables" and len(path) == 2:
        document["variables"][path[1]] = operation["value"]
    elif operation["op"] == "replace" and path[0] == CANARY and path[1] in REPLACEABLE:
        _replace(document.setdefault(CANARY, {}), path[1:], operation["value"])
    else:
        raise _unsupported(operation)


def _replace(canary: dict[str, Any], path: list[str], value: str) -> None:
    if path[0] == "stageVariableOverrides":
        canary.setdefault(path[0], {})[path[1]] = value
    else:
        canary[path[0]] = float(value) if path[0] == "percentTraffic" else value


def _unsupported(operation: Given) -> Exception:
    error: Exception = refusal("BadRequestException", f"Invalid patch: {operation}", "UpdateStage")
    return error
