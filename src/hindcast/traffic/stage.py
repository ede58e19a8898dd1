"""A stage as API Gateway describes it: whose release answers, and a canary's share of requests."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hindcast import names
from hindcast.errors import InputError
from hindcast.instants import instant

CANARY = "canarySettings"


@dataclass(frozen=True)
class Stage:
    """The release that answers, and a canary with its share of the requests in percent.

    until: from then on the canary answers nothing; None where its roll-out ends it for certain.
    """

    release: str
    canary: str | None = None
    percent: float = 0.0
    until: datetime | None = None

    def at(self, now: datetime) -> "Stage":
        """What holds at an instant: without a canary whose time is over."""
        is_over = self.until is not None and now >= self.until
        return Stage(self.release) if is_over else self

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
            "stageVariableOverrides": _overrides(stage),
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
        until = _instant(overrides.get(names.CANARY_UNTIL_VARIABLE))
    except (AttributeError, KeyError, TypeError) as error:
        raise InputError(f"the stage's settings are not API Gateway's: {error!r}") from error
    return Stage(release) if canary == release else Stage(release, canary, percent, until)


def _overrides(stage: Stage) -> dict[str, Any]:
    overrides = {names.STAGE_VARIABLE: stage.canary}
    if stage.until is not None:
        # API Gateway takes no + in a variable.
        until = stage.until.astimezone(UTC).isoformat().replace("+00:00", "Z")
        overrides[names.CANARY_UNTIL_VARIABLE] = until
    return overrides


def _instant(text: Any) -> datetime | None:
    return None if text is None else instant(text, names.CANARY_UNTIL_VARIABLE)


def _version(variables: Mapping[str, Any]) -> str:
    version = variables[names.STAGE_VARIABLE]
    if not isinstance(version, str) or not version:
        raise InputError(f"stage variable {names.STAGE_VARIABLE} is {version!r}, not a version")
    return version


def _percent(given: Any) -> float:
    if type(given) not in (int, float) or not 0 <= given <= 100:
        raise InputError(f"percentTraffic is {given!r}; it must be a number from 0 to 100")
    return float(given)
