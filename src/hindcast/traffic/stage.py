"""A stage as API Gateway describes it: whose release answers, and a canary's share of requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hindcast import names
from hindcast.errors import InputError

CANARY = "canarySettings"


@dataclass(frozen=True)
class Stage:
    """The release that answers, and a canary with its share of the requests in percent."""

    release: str
    canary: str | None = None
    percent: float = 0.0

    @property
    def releases(self) -> tuple[str, ...]:
        """All that may be asked to answer."""
        return (self.release,) if self.canary is None else (self.release, self.canary)

    def pick(self, draw: float) -> str:
        """The release that answers one request, for a number drawn from [0, 1)."""
        if self.canary is not None and draw * 100 < self.percent:
            return self.canary
        return self.release


def document(stage: Stage) -> dict[str, Any]:
    """The document in which API Gateway would describe a stage."""
    found: dict[str, Any] = {"variables": {names.STAGE_VARIABLE: stage.release}}
    if stage.canary is not None:
        found[CANARY] = {
            "percentTraffic": stage.percent,
            "stageVariableOverrides": {names.STAGE_VARIABLE: stage.canary},
            "useStageCache": False,
        }
    return found


def parse(document: Mapping[str, Any]) -> Stage:
    """Read what `aws apigateway get-stage` answers; raises InputError saying what is wrong.

    A canary that overrides the stage variable with nothing else is no canary of a release.
    """
    try:
        release = _version(document["variables"])
        settings = document.get(CANARY)
        if settings is None:
            return Stage(release)
        overrides = settings.get("stageVariableOverrides") or {}
        canary = _version({names.STAGE_VARIABLE: release, **overrides})
        percent = _percent(settings.get("percentTraffic", 0.0))
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"the stage's settings are not API Gateway's: {error!r}") from error
    return Stage(release) if canary == release else Stage(release, canary, percent)


def _version(variables: Mapping[str, Any]) -> str:
    version = variables[names.STAGE_VARIABLE]
    if not isinstance(version, str) or not version:
        raise InputError(f"stage variable {names.STAGE_VARIABLE} is {version!r}, not a version")
    return version


def _percent(given: Any) -> float:
    if type(given) not in (int, float) or not 0 <= given <= 100:
        raise InputError(f"percentTraffic is {given!r}; it must be a number from 0 to 100")
    return float(given)
