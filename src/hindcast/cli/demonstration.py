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
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write synthetic loans, repayments and outcomes. A few loans are broken on purpose."""
    from hindcast.demo.generate import generate as make

    console.show(make(out, customers=customers, seed=seed), as_json)


@app.command()
def demo(
    engine: EngineOption = "duckdb",
    customers: Annotated[int, typer.Option(help="How many customers.", min=100)] = 5_000,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run it all on synthetic loans. From a file to answers that are replayed."""
    from hindcast import demo as use_case

    summary = use_case.run(home or Path(".hindcast") / "demo", engine, customers, ConsoleProgress())
    if as_json:
        console.show(summary, as_json)
        return
    for name, report in summary.reports.items():
        console.show(report, as_json, title=name)
    console.rows(use_case.predictions(summary), title="predictions, and the features they used")
    console.rows(use_case.gates(summary), title="what the gate said")
    console.rows(use_case.canaries(summary), title="how the canaries ended")
    console.show(summary.seconds, as_json, title="seconds per step")
    console.show(use_case.places(summary), as_json, title="where everything lies")
