"""The rebuild that drift starts: at most one within a model's cool-down, by the ledger's clock."""

import json
from dataclasses import dataclass

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.engines.base import Engine
from hindcast.errors import InputError, TooSoonError
from hindcast.models.promote import ServedStage
from hindcast.operations.drift.findings import DriftReport
from hindcast.operations.rebuild import Cause, rebuild
from hindcast.stores import aws
from hindcast.telemetry import Progress

NO_ALERT = "no alert"


@dataclass(frozen=True)
class Rebuild:
    """What became of the rebuild of a model. started: its run; None, and why not."""

    model: str
    started: str | None
    reason: str | None = None


def here(
    application: Application,
    report: DriftReport,
    engine: Engine,
    clocks: Knowledge,
    progress: Progress,
    stage: ServedStage | None,
) -> Rebuild:
    """Rebuild a model on this machine for a check that had alerts; raises what its steps raise."""
    if not report.alerts:
        return Rebuild(report.model, None, NO_ALERT)
    cause = Cause(report.run, application.project.model(report.model).drift.cool_down)
    try:
        done = rebuild(application, report.model, engine, clocks, progress, stage, cause)
    except TooSoonError as error:
        return Rebuild(report.model, None, str(error))
    return Rebuild(report.model, done.run)


def start_machine(application: Application, report: DriftReport) -> Rebuild:
    """Start a model's rebuild machine for a check that had alerts.

    Its run is in the ledger before it starts, under the name that the machine gives it; a rebuild
    of any other cause counts for the cool-down as well. Raises InputError and
    StoreUnavailableError where Step Functions cannot start it: then nothing is recorded.
    """
    if not report.alerts:
        return Rebuild(report.model, None, NO_ALERT)
    settings, model = application.settings, application.project.model(report.model)
    if settings.rebuild_machine is None:
        raise InputError(f"{names.ENV_REBUILD_MACHINE} is not set: it says which machines rebuild")
    machine, name = f"{settings.rebuild_machine}{model.name}", f"drift-{report.run}"
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    given = {**json.loads(settings.rebuild_input or "{}"), "model": model.name}

    def begin() -> None:
        with aws.one_error(f"state machine {machine}"):
            client = aws.client("stepfunctions", aws.region_of(machine))
            client.start_execution(stateMachineArn=machine, name=name, input=json.dumps(given))

    run = f"{names.REBUILD}-{model.name}.{name}"
    parameters = {"model": model.name, "execution": execution, "because": report.run}
    try:
        application.ledger.begin_apart(names.REBUILD, parameters, run, model.drift.cool_down, begin)
    except TooSoonError as error:
        return Rebuild(model.name, None, str(error))
    return Rebuild(model.name, run)
