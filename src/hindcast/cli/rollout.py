"""Commands about canaries: rolling a release out, and ending what a killed roll-out left."""

from dataclasses import asdict
from typing import Annotated

import typer

from hindcast import bootstrap
from hindcast.cli import console
from hindcast.cli.app import app
from hindcast.cli.console import ConsoleProgress
from hindcast.cli.options import HomeOption, JsonOption, ModelOption, ProjectOption, working
from hindcast.errors import InputError


@app.command("roll-out")
def roll_out(
    release: Annotated[str, typer.Argument(help="A release id, or its version such as 3.")],
    steps: Annotated[str, typer.Option(help="Shares of the traffic in percent.")] = "5,25,50",
    looks: Annotated[int, typer.Option(help="How often each step checks the alarms.")] = 10,
    look_seconds: Annotated[float, typer.Option(help="Seconds before each check.")] = 60.0,
    requests: Annotated[int, typer.Option(help="Roll back when a step has fewer.", min=1)] = 100,
    error_percent: Annotated[
        float, typer.Option(help="Roll back above this share of errors.", min=0)
    ] = 1.0,
    latency_p99_ms: Annotated[float, typer.Option(help="Roll back when p99 exceeds this.")] = 500.0,
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Promote a release after a canary. In `hindcast serve`; exits with 1 where an alarm rings."""
    from hindcast.traffic import roll_out
    from hindcast.traffic.watch import Alarms

    plan = roll_out.Plan(_percents(steps), looks, look_seconds)
    alarms = Alarms(error_percent, latency_p99_ms, requests)
    application = working(home, project)
    model = application.project.model_name(model, release)
    report = roll_out.roll_out(application, model, release, plan, alarms, ConsoleProgress())
    if as_json:
        console.show(report, as_json)
    else:
        shown = asdict(report)
        console.rows(list(shown.pop("steps")))
        console.show(shown, as_json)
    raise typer.Exit(0 if report.outcome == roll_out.PROMOTED else 1)


@app.command("end-canary")
def end_canary(
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End the canary that a killed roll-out left. Then the champion answers everything."""
    from hindcast.traffic.local_stage import LocalStage

    application = bootstrap.application(home, project)
    stage = LocalStage(application.settings.home, application.project.model(model).name)
    with stage.alone():
        console.show({"model": stage.model, "ended": stage.end_canary()}, as_json)


def _percents(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(
            f"--steps {text}: not a list of percentages; write it as 5,25,50"
        ) from error
