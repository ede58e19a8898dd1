"""The demo's commands, in the words of its example."""

from pathlib import Path
from typing import Annotated

import typer

from hindcast.cli import console
from hindcast.cli.app import app
from hindcast.cli.console import ConsoleProgress
from hindcast.cli.options import EngineOption, HomeOption, JsonOption


@app.command()
def generate(
    out: Annotated[
        Path, typer.Option("--out", help="The CSV file of loans; the others are put beside it.")
    ] = Path("loans.csv"),
    customers: Annotated[int, typer.Option(help="How many customers.", min=1)] = 5_000,
    seed: Annotated[int, typer.Option(help="The same seed writes the same files.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write synthetic loans, repayments and outcomes. A few loans are broken on purpose."""
    from hindcast.demo.generate import generate as make

    console.show(make(out, customers=customers, seed=seed), as_json)


@app.command()
def demo(
    example: Annotated[
        str, typer.Argument(help="credit_risk, flights, solar, line or card_spending.")
    ] = "credit_risk",
    engine: EngineOption = "duckdb",
    customers: Annotated[
        int, typer.Option(help="How many customers credit_risk has.", min=100)
    ] = 5_000,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run it all on an example. From files to answers that are replayed."""
    from hindcast import demo as use_case

    place, progress = home or Path(".hindcast") / "demo", ConsoleProgress()
    summary = use_case.run(place, example, engine, customers, progress)
    if as_json:
        console.show(summary, as_json)
        return
    for name, report in summary.reports.items():
        console.show(report, as_json, title=name)
    for model, answers in use_case.predictions(summary).items():
        console.rows(answers, title=f"{model}: predictions, and the features they used")
    console.rows(use_case.gates(summary), title="what the gate said")
    console.rows(use_case.canaries(summary), title="how the canaries ended")
    console.show(summary.seconds, as_json, title="seconds per step")
    console.show(use_case.places(summary), as_json, title="where everything lies")
