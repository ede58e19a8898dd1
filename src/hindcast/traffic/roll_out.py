"""Roll out: the rebuild machine's canary, for a model that is served from a home."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from hindcast.bootstrap import Application
from hindcast.errors import CanaryError, InputError
from hindcast.models import promote
from hindcast.serving import release as releases
from hindcast.telemetry import Progress, Silent, step
from hindcast.traffic.local_stage import LocalStage
from hindcast.traffic.watch import Alarms, Watch

Wait = Callable[[float], object]
PROMOTED, ROLLED_BACK = "promoted", "rolled back"
# A canary whose roll-out died gives its traffic back after so long; one that goes on renews that.
HOLD, RENEW_SECONDS = timedelta(seconds=60), 10.0


@dataclass(frozen=True)
class Plan:
    """Shares of the traffic in percent, and how often the alarms are looked at in each."""

    steps: tuple[int, ...] = (5, 25, 50)
    looks: int = 10
    look_seconds: float = 60.0

    def __post_init__(self) -> None:
        """Raise InputError for what is no plan."""
        steps = self.steps
        if not steps or list(steps) != sorted(set(steps)) or not 0 < steps[0] <= steps[-1] < 100:
            shown = ",".join(map(str, steps))
            raise InputError(f"steps {shown}: must grow, between 0 and 100 percent")
        if self.looks < 1 or self.look_seconds < 0:
            raise InputError("look at least once, and after a time that is not negative")


@dataclass(frozen=True)
class Step:
    """What the canary answered at one share of the traffic, and what speaks against it."""

    percent: int
    requests: int
    errors: int
    latency_p99_ms: float | None
    alarm: str | None


@dataclass(frozen=True)
class RollOutReport:
    """How a canary ended: promoted, or rolled back and why."""

    release: str
    replaces: str | None
    outcome: str
    why: str | None
    promotion: int | None
    steps: tuple[Step, ...]


def roll_out(
    application: Application,
    model: str | None,
    name: str,
    plan: Plan,
    alarms: Alarms,
    progress: Progress | None = None,
    wait: Wait = time.sleep,
) -> RollOutReport:
    """Promote a release, named by its id or version, after a canary; an alarm rolls it back.

    However it ends, the canary ends. Raises what `promote.candidate` raises, ReleaseError for a
    release that cannot be served, NotFoundError where the model is not served from this home, and
    ConflictError while another roll-out is under way or after another promotion.
    """
    candidate = promote.candidate(application, model, name)
    release, replaces = candidate.release.release, candidate.current
    stage = LocalStage(application.settings.home, candidate.release.model)
    stage.read()  # Before anything is touched: is there a stage?
    champion = replaces.release if replaces else None
    parameters = {"model": stage.model, "release": release, "replaces": champion}
    parameters |= {**asdict(plan), **asdict(alarms)}
    steps: list[Step] = []
    try:
        with stage.alone(), application.ledger.run("roll-out", parameters) as run, _ended(stage):
            releases.load(application.release_folder(release))
            for percent in plan.steps:
                with step(progress or Silent(), f"canary at {percent}%"):
                    steps.append(_hold(stage, release, percent, plan, alarms, wait))
                run.outputs["canary"] = [asdict(each) for each in steps]
                _require_quiet(steps[-1])
            promoted = promote.put_into_production(application, candidate, stage=stage)
            run.outputs["promotion"] = promoted.number
        report = RollOutReport(release, champion, PROMOTED, None, promoted.number, tuple(steps))
    except CanaryError as error:
        report = RollOutReport(release, champion, ROLLED_BACK, str(error), None, tuple(steps))
    return report


def _hold(
    stage: LocalStage, release: str, percent: int, plan: Plan, alarms: Alarms, wait: Wait
) -> Step:
    """Give the canary this share of the traffic, and look at the alarms until one rings."""
    watch = Watch(stage.access_log, release)
    for _ in range(plan.looks):
        _await(stage, release, percent, plan.look_seconds, wait)
        traffic = watch.look()
        alarm = alarms.ringing(traffic)
        if alarm:
            break
    else:
        alarm = alarms.too_few(traffic)
    return Step(percent, traffic.requests, traffic.errors, traffic.latency_p99_ms, alarm)


def _await(stage: LocalStage, release: str, percent: int, seconds: float, wait: Wait) -> None:
    """Wait for the next look, and let the canary go on for as long as this process does."""
    while True:
        stage.shift(release, percent, datetime.now(UTC) + HOLD)
        wait(min(seconds, RENEW_SECONDS))
        seconds -= RENEW_SECONDS
        if seconds <= 0:
            return


def _require_quiet(last: Step) -> None:
    if last.alarm:
        raise CanaryError(f"{last.alarm}, at {last.percent}% of the traffic")


@contextmanager
def _ended(stage: LocalStage) -> Iterator[None]:
    """No canary before, in case a killed roll-out left one, and none after."""
    stage.end_canary()
    stage.access_log.unlink(missing_ok=True)  # Of the roll-out before.
    try:
        yield
    finally:
        stage.end_canary()
