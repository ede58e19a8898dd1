"""Commands about models: training, judging and promoting them."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hindcast import bootstrap
from hindcast.bootstrap import Application
from hindcast.cli import console
from hindcast.cli.app import app
from hindcast.cli.console import ConsoleProgress
from hindcast.cli.options import (
    AsOfOption,
    EngineOption,
    HomeOption,
    JsonOption,
    KnownByOption,
    KnownThenOption,
    ModelOption,
    ProjectOption,
    knowledge,
    working,
)
from hindcast.errors import InputError
from hindcast.instants import instant
from hindcast.traffic import local_stage
from hindcast.traffic.local_stage import LocalStage

if TYPE_CHECKING:
    from hindcast.data.training_range import TrainingRange
    from hindcast.engines.base import Engine
    from hindcast.models.evaluation.evaluate import EvaluationReport
    from hindcast.models.evaluation.gate import GateCheck
    from hindcast.models.training.retrain import RetrainReport
    from hindcast.telemetry import Progress

_PASSED = {True: "passed", False: "failed", None: "not judged"}


@app.command()
def train(
    as_of: AsOfOption = None,
    known_by: KnownByOption = None,
    known_then: KnownThenOption = False,
    start: Annotated[
        str | None,
        typer.Option("--from", help="Train on labelled events from this instant on."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Train on labelled events before this instant.")
    ] = None,
    spine: Annotated[
        Path | None,
        typer.Option(help="Train on the rows of this file: keys, event_timestamp, label."),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(help="Train again as this release was, and compare."),
    ] = None,
    engine: EngineOption = "duckdb",
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model and release it as a folder. A first release is promoted if it passes.

    Exits with 1 if a first release fails its gate, or if --like gives another digest.
    """
    from hindcast.formats import spine_file
    from hindcast.models import promote
    from hindcast.models.training import train as training

    application, progress = working(home, project), ConsoleProgress()
    runner = bootstrap.engine(engine)
    if like is not None:
        _require_none(as_of, known_by, known_then or None, start, until, spine)
        repeated = _repeated(application, model, like, runner, progress)
        console.show(repeated, as_json)
        raise typer.Exit(0 if repeated.same else 1)
    clocks, within = knowledge(as_of, known_by, known_then), _range(start, until)
    rows = spine_file.read(spine) if spine else None
    released = training.train(application, model, runner, clocks, progress, within, rows)
    stage = _stage(application, model)
    first = promote.admit_first(application, model, released.release, runner, progress, stage)
    verdict = {"gate": _PASSED[first.passed]} if first else {}
    _show(
        {**released.document(), **verdict}, first, _after_training(released.release, first), as_json
    )
    raise typer.Exit(1 if first and not first.passed else 0)


@app.command()
def evaluate(
    release: Annotated[
        str | None, typer.Argument(help="A release id or version. Default: the newest.")
    ] = None,
    as_of: AsOfOption = None,
    known_by: KnownByOption = None,
    known_then: KnownThenOption = False,
    engine: EngineOption = "duckdb",
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge a release against the champion. Exits with 1 if it fails its gate."""

    from hindcast.models.evaluation.evaluate import evaluate as use_case

    application = working(home, project)
    model = application.project.model_name(model, release or "")
    is_own = as_of is None and known_by is None and not known_then
    clocks = None if is_own else knowledge(as_of, known_by, known_then)
    report = use_case(
        application, model, release, bootstrap.engine(engine), clocks, ConsoleProgress()
    )
    fields = asdict(report)
    del fields["checks"]
    if report.passed:
        next_step = f"run: hindcast promote {report.release}"
    else:
        next_step = _after_refusal(report.release)
    _show(fields, report, next_step, as_json)
    raise typer.Exit(0 if report.passed else 1)


@app.command()
def promote(
    release: Annotated[str, typer.Argument(help="A release id, or its version such as 3.")],
    force: Annotated[
        bool, typer.Option(help="Promote even if it has not passed its gate.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why, kept with a forced promotion.")] = None,
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a release into production. One that was there before is a rollback.

    On AWS only the rebuild state machine changes the stage; docs/operations.md says how.
    """

    from hindcast.models.promote import promote as use_case

    application = working(home, project)
    model = application.project.model_name(model, release)
    stage = _stage(application, model)
    console.show(use_case(application, model, release, force, reason, stage), as_json)


@app.command()
def rollback(
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring back the release before the champion.

    On AWS only the rebuild state machine changes the stage; docs/operations.md says how.
    """

    from hindcast.models.promote import rollback as use_case

    application = working(home, project)
    console.show(use_case(application, model, _stage(application, model)), as_json)


def _require_none(*given: object) -> None:
    if any(each is not None for each in given):
        raise InputError(
            "--like trains on what the release was trained on; leave out instants and --spine"
        )


def _repeated(
    application: Application, model: str | None, like: str, engine: "Engine", progress: "Progress"
) -> "RetrainReport":
    from hindcast.models.training import retrain

    declared = application.project.model_name(model, like)
    original = application.ledger.find_release(declared, like)
    return retrain.train_like(application, original.release, engine, progress)


def _range(start: str | None, until: str | None) -> "TrainingRange":
    from hindcast.data.training_range import TrainingRange

    return TrainingRange(
        None if start is None else instant(start, "--from"),
        None if until is None else instant(until, "--until"),
    )


def _show(
    fields: dict[str, Any], report: "EvaluationReport | None", next_step: str, as_json: bool
) -> None:
    """What was done, each check of the gate with its figures, and what to do next."""
    if as_json:
        checks = [asdict(check) for check in report.checks] if report else []
        console.show({**fields, "checks": checks, "next": next_step}, as_json)
        return
    console.show(fields, as_json)
    console.rows([_row(check) for check in report.checks] if report else [])
    console.show({"next": next_step}, as_json)


def _row(check: "GateCheck") -> dict[str, str]:
    shown = {"check": check.name, "verdict": _PASSED[check.passed]}
    return {**shown, "found": check.found, "required": check.required}


def _after_training(release: str, first: "EvaluationReport | None") -> str:
    if first is None:
        return f"run: hindcast evaluate {release}, then hindcast promote {release}"
    if first.passed:
        return "the release is in production; run: hindcast materialize, then hindcast serve"
    return _after_refusal(release)


def _after_refusal(release: str) -> str:
    return (
        "mend what failed and train again, or promote it all the same: "
        f"hindcast promote {release} --force --reason TEXT"
    )


def _stage(application: Application, model: str | None) -> LocalStage | None:
    """What serves the model from this home, to follow a promotion."""
    return local_stage.served(application.settings.home, application.project.model(model).name)
