"""A stage of API Gateway, as `hindcast serve` follows it."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from hindcast.errors import InputError
from hindcast.stores import aws
from hindcast.traffic import stage
from hindcast.traffic.stage import Stage

SECONDS_BETWEEN_LOOKS = 5.0


@dataclass(frozen=True)
class ApiStage:
    """A stage by its API's id and its name.

    function: the Lambda whose versions the stage variable names, and whose descriptions name the
    releases, as the rebuild machine publishes them; None where the variable names releases.
    """

    api: str
    name: str
    function: str | None = None

    def read(self) -> Stage:
        """What the stage says now.

        Raises InputError for what AWS refuses, StoreUnavailableError where it does not answer.
        """
        with aws.one_error(f"stage '{self.name}' of API {self.api}"):
            found = stage.parse(
                aws.client("apigateway").get_stage(restApiId=self.api, stageName=self.name)
            )
            canary = None if found.canary is None else self._release(found.canary)
            return Stage(self._release(found.release), canary, found.percent, found.until)

    def changes(self, clock: Callable[[], float] = time.monotonic) -> Callable[[], Stage | None]:
        """A function that asks now and then, and answers with a stage unlike the last one."""
        due, seen = -SECONDS_BETWEEN_LOOKS, None

        def new() -> Stage | None:
            nonlocal due, seen
            if clock() < due:
                return None
            due = clock() + SECONDS_BETWEEN_LOOKS
            found = self.read()
            if found == seen:
                return None
            seen = found
            return found

        return new

    def _release(self, version: str) -> str:
        """The release that a version of the function answers by; the version itself without one."""
        if self.function is None:
            return version
        found = aws.client("lambda").get_function_configuration(
            FunctionName=self.function, Qualifier=version
        )
        release = found.get("Description")
        if not release:
            raise InputError(
                f"version {version} of function {self.function} has no description, which would "
                "name its release; publish it as the rebuild machine does"
            )
        return str(release)
