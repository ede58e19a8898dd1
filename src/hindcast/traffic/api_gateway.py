"""A stage of API Gateway as `hindcast serve` follows it: its settings, in terms of releases."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hindcast import names
from hindcast.errors import InputError
from hindcast.stores import aws

SECONDS_BETWEEN_LOOKS = 5.0
_CANARY, _OVERRIDES = "canarySettings", "stageVariableOverrides"


@dataclass(frozen=True)
class ApiStage:
    """A stage by its API's id and its name.

    function: the Lambda whose versions the stage variable names, and whose descriptions name the
    releases, as the rebuild machine publishes them; None where the variable names releases.
    """

    api: str
    name: str
    function: str | None = None

    def document(self) -> dict[str, Any]:
        """What get_stage answers, with releases for versions.

        Raises InputError for what AWS refuses, StoreUnavailableError where it does not answer.
        """
        with aws.one_error(f"stage '{self.name}' of API {self.api}"):
            stage = aws.client("apigateway").get_stage(restApiId=self.api, stageName=self.name)
            return self._of_releases(stage)

    def changes(
        self, clock: Callable[[], float] = time.monotonic
    ) -> Callable[[], Mapping[str, Any] | None]:
        """A function that asks now and then, and answers with a document unlike the last one."""
        due, seen = -SECONDS_BETWEEN_LOOKS, None

        def new() -> dict[str, Any] | None:
            nonlocal due, seen
            if clock() < due:
                return None
            due = clock() + SECONDS_BETWEEN_LOOKS
            found = self.document()
            if found == seen:
                return None
            seen = found
            return found

        return new

    def _of_releases(self, stage: Mapping[str, Any]) -> dict[str, Any]:
        document: dict[str, Any] = {"variables": self._named(stage.get("variables") or {})}
        if canary := stage.get(_CANARY):
            overrides = self._named(canary.get(_OVERRIDES) or {})
            document[_CANARY] = {**canary, _OVERRIDES: overrides}
        return document

    def _named(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Stage variables with the release in the place of the version, where one is named."""
        if self.function is None or names.STAGE_VARIABLE not in variables:
            return dict(variables)
        version = variables[names.STAGE_VARIABLE]
        found = aws.client("lambda").get_function_configuration(
            FunctionName=self.function, Qualifier=version
        )
        release = found.get("Description")
        if not release:
            raise InputError(
                f"version {version} of function {self.function} has no description, which would "
                "name its release; publish it as the rebuild machine does"
            )
        return {**variables, names.STAGE_VARIABLE: release}
