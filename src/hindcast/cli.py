"""The command line: a thin face over the use cases. 0 is success, 2 bad input, 1 a failure."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hindcast import bootstrap, console
from hindcast.console import ConsoleProgress
from hindcast.errors import HindcastError

app = typer.Typer(
    help="Features, models and predictions that can be recomputed as of the moment they were made.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ProjectOption = Annotated[
    Path | None, typer.Option("--project", help="Folder of definitions.py; default the example.")
]
HomeOption = Annotated[Path | None, typer.Option("--home", help="Where data live: .hindcast")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
AsOfOption = Annotated[
    str | None, typer.Option("--as-of", help="Events strictly before this instant; default now.")
]
KnownByOption = Annotated[
    str | None, typer.Option("--known-by", help="Records known by this instant; default now.")
]
EngineOption = Annotated[str, typer.Option("--engine", help="duckdb or spark.")]
ModelOption = Annotated[str | None, typer.Option("--model", help="Default: the only one.")]
ViewOption = Annotated[
    str | None, typer.Option("--feature-view", help="Default: the only feature view.")
]


def main() -> None:
    """Run the command line; a known error is one line on stderr and its exit code."""
    try:
        app()
    except HindcastError as error:
        print(f"hindcast: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from error


@app.command()
def generate(
    out: Annotated[Path, typer.Option("--out", help="The CSV file to write.")] = Path("loans.csv"),
    customers: Annotated[int, typer.Option(help="How many customers.", min=1)] = 5_000,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write synthetic loans, a few of them broken on purpose."""
    from hindcast.generate import generate as make

    console.show(make(out, customers=customers, seed=seed), as_json)


@app.command()
def ingest(
    files: Annotated[list[Path], typer.Argument(help="CSV or Parquet files.")],
    source: Annotated[str | None, typer.Option(help="Default: the only source.")] = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add files to the lake; bad rows go to quarantine with the reason."""
    from hindcast.ingest import ingest as add

    application = bootstrap.application(home, project)
    progress = ConsoleProgress()
    declared = application.project.source(source)
    reports = [add(path, declared, application.lake, _now(), progress) for path in files]
    _show_all(reports, as_json)


@app.command()
def materialize(
    as_of: AsOfOption = None,
    known_by: KnownByOption = None,
    engine: EngineOption = "duckdb",
    view: ViewOption = None,
    force: Annotated[bool, typer.Option(help="Swap although it looks unlike the last.")] = False,
    rollback: Annotated[bool, typer.Option(help="Go back to the version before.")] = False,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute features as of an instant, into the lake and the online store."""
    from hindcast import materialize as use_case

    application = bootstrap.application(home, project)
    compiled = application.project.view(view)
    if rollback:
        console.show(application.store.rollback(compiled.view.name), as_json)
        return
    report = use_case.materialize(
        compiled,
        bootstrap.engine(engine),
        application.lake,
        application.store,
        bootstrap.knowledge(as_of, known_by, _now()),
        force=force,
        progress=ConsoleProgress(),
    )
    console.show(report, as_json)


@app.command("training-set")
def training_set(
    out: Annotated[Path, typer.Option("--out", help="The CSV or Parquet file to write.")],
    as_of: AsOfOption = None,
    known_by: KnownByOption = None,
    engine: EngineOption = "duckdb",
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write key, event timestamp, tiebreaker, features and label of every trusted label."""
    from hindcast import trainingset

    application = bootstrap.application(home, project)
    data = trainingset.of(application, model, engine, as_of, known_by, _now())
    console.show({"rows": trainingset.write(data, out), "file": str(out)}, as_json)


@app.command()
def train(
    as_of: AsOfOption = None,
    known_by: KnownByOption = None,
    engine: EngineOption = "duckdb",
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a model and release it as a folder, if ONNX reproduces it."""
    from hindcast.training.use_case import train as use_case

    application = bootstrap.application(home, project)
    released = use_case(application, model, engine, as_of, known_by, _now(), ConsoleProgress())
    console.show(released, as_json)


@app.command()
def predict(
    key: Annotated[str, typer.Argument(help="The entity's key, such as 5008827.")],
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict for one entity, as the service would."""
    from hindcast.local import predict as use_case

    console.show(use_case(bootstrap.application(home, project), model, key, _now()), as_json)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8080,
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Answer HTTP with the Lambda handler, as API Gateway would."""
    from hindcast.local import serve as use_case

    def announce(url: str) -> None:
        print(f"hindcast: serving on {url}", file=sys.stderr, flush=True)

    use_case(bootstrap.application(home, project), model, host, port, announce)


@app.command()
def demo(
    engine: EngineOption = "duckdb",
    customers: Annotated[int, typer.Option(help="How many customers.", min=100)] = 5_000,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the main job on synthetic loans: from a file to predictions over HTTP."""
    from hindcast import demo as use_case

    summary = use_case.run(home or Path(".hindcast") / "demo", engine, customers, ConsoleProgress())
    if as_json:
        console.show(summary, as_json)
        return
    for name, report in summary.reports.items():
        console.show(report, as_json, title=name)
    console.rows(use_case.predictions(summary), title="predictions, and the features they used")
    console.show(summary.seconds, as_json, title="seconds per step")
    console.show(use_case.places(summary), as_json, title="where everything lies")


def _now() -> datetime:
    return datetime.now(UTC)


def _show_all(reports: list[Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps([console.plain(report) for report in reports], default=console.json_value))
        return
    for report in reports:
        console.show(report, as_json)
