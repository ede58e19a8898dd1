"""Commands about answers: asking for them and serving them."""

import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hindcast import bootstrap
from hindcast.bootstrap import Application
from hindcast.cli import console
from hindcast.cli.app import app
from hindcast.cli.console import ConsoleProgress
from hindcast.cli.options import (
    AsOfOption,
    HomeOption,
    JsonOption,
    KnownByOption,
    ModelOption,
    ProjectOption,
    knowledge,
    now,
)
from hindcast.errors import InputError
from hindcast.instants import instant

if TYPE_CHECKING:
    from hindcast.audit.replay.compare import Replayed, SkewReport
    from hindcast.serving.handler import Handler

    Wrap = Callable[[Handler], Handler]


@app.command()
def predict(
    keys: Annotated[
        list[str],
        typer.Argument(help="The key, such as 5008827; or carrier=UA dest=SFO distance=733."),
    ],
    as_of: AsOfOption = None,
    known_by: KnownByOption = None,
    release: Annotated[
        str | None, typer.Option(help="With --as-of: by this release, not the champion then.")
    ] = None,
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Predict for one entity, as the service would. With --as-of, as it would have then.

    It knows what was recorded by --as-of, where the source says when, else all records;
    --known-by names another instant.
    """
    application = bootstrap.application(home, project, compiled=False)
    if as_of is None and (known_by is not None or release is not None):
        raise InputError(
            "--known-by and --release are for an answer of an earlier instant; add --as-of"
        )
    from hindcast.traffic.local import predict as use_case

    if as_of is None:
        console.show(use_case(application, model, keys, now()).document, as_json)
        return
    from hindcast.audit.replay.replay import predict_as_of

    clocks = knowledge(as_of, known_by)
    model = application.project.model_name(model, release or "")
    computed = predict_as_of(application, model, keys, clocks, release)
    console.show(computed.document, as_json)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 8080,
    api: Annotated[
        str | None, typer.Option(help="Follow the stage of this REST API, not the home's.")
    ] = None,
    stage: Annotated[
        str | None, typer.Option(help="With --api: the stage's name. Default: the model's.")
    ] = None,
    function: Annotated[
        str | None,
        typer.Option(help="With --api: the function whose versions are described by releases."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="The model of the short paths. Default: the project's.")
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="Also the control API, for who has a token.")
    ] = False,
    jobs: Annotated[int, typer.Option(help="With --admin: jobs at the same time.", min=1)] = 2,
    project: ProjectOption = None,
    home: HomeOption = None,
) -> None:
    """Answer HTTP as API Gateway would. All models, their canaries and promotions; all services."""
    from hindcast.operations.openapi import pages
    from hindcast.traffic.api_stage import ApiStage
    from hindcast.traffic.local import serve as use_case

    application = bootstrap.application(home, project, compiled=False)
    followed = None
    if api is not None:
        followed = ApiStage(api, stage or application.project.model(model).name, function)
    with ExitStack() as opened:
        documented: Wrap = partial(pages.beside, pages.documentation("predict"))
        wrap = _with_control(application, jobs, documented, opened) if admin else documented
        announce = partial(_announce, application, admin)
        use_case(application, model, host, port, announce, followed, wrap, is_patient=admin)


def _with_control(application: Application, jobs: int, pages: "Wrap", opened: ExitStack) -> "Wrap":
    """The control API before everything else that is answered."""
    from hindcast.operations.control import local

    beside = opened.enter_context(local.opened(application, jobs))
    return lambda handler: beside(pages(handler))


def _announce(application: Application, admin: bool, url: str) -> None:
    """Say on stderr where it answers, and once the first token, which the home does not keep."""
    print(f"hindcast: serving on {url}", file=sys.stderr, flush=True)
    if admin:
        from hindcast.operations.control.access import Tokens

        if made := Tokens(application.settings.home).first():
            caller, token = made
            said = f"the token of {caller.name} ({caller.role}), shown only now: {token}"
            print(f"hindcast: {said}", file=sys.stderr, flush=True)


@app.command()
def replay(
    prediction_id: Annotated[
        str | None, typer.Argument(help="The prediction_id that an answer carried.")
    ] = None,
    sample: Annotated[
        int | None, typer.Option(help="Replay this many, for a skew report.", min=1)
    ] = None,
    since: Annotated[str | None, typer.Option(help="With --sample: since this instant.")] = None,
    model: ModelOption = None,
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute logged predictions bit for bit. Exits with 1 where one differs."""
    from hindcast.audit.prediction_log.reader import FIX
    from hindcast.audit.replay import replay as replays

    if (prediction_id is None) == (sample is None) or (since is not None and sample is None):
        raise InputError("give either a PREDICTION_ID or --sample N; --since goes with --sample")
    application = bootstrap.application(home, project)
    if prediction_id is not None:
        one = replays.replay(application, prediction_id)
        _show_replayed(one, as_json)
        raise typer.Exit(0 if one.matches else 1)
    begin = None if since is None else instant(since, "--since")
    many = replays.skew(application, sample or 0, begin, model)
    if not many.predictions:
        period = f" since {begin.isoformat()}" if begin else ""
        raise InputError(f"no predictions are collected{period}; {FIX}")
    _show_skew(many, as_json)
    raise typer.Exit(0 if many.matching == many.predictions else 1)


@app.command("collect-log")
def collect_log(
    files: Annotated[
        list[Path], typer.Argument(help="The service's log, or CloudWatch's records; - is stdin.")
    ],
    project: ProjectOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add logged predictions to the lake, each once."""
    from hindcast.audit.prediction_log import Stream, collect

    application = bootstrap.application(home, project)
    sources = [Stream("-", sys.stdin.buffer) if str(file) == "-" else file for file in files]
    lake, keys = application.lake, application.line_keys
    console.show(collect(sources, lake, now(), ConsoleProgress(), keys), as_json)


def _show_replayed(replayed: "Replayed", as_json: bool) -> None:
    document = {**asdict(replayed), "matches": replayed.matches}
    if not as_json:
        # Every digit, because every bit is compared.
        console.rows([{name: str(v) for name, v in row.items()} for row in document.pop("values")])
    console.show(document, as_json)


def _show_skew(report: "SkewReport", as_json: bool) -> None:
    document = asdict(report)
    if not as_json:
        values = document.pop("values")
        console.rows([{"value": name, **counts} for name, counts in values.items()])
    console.show(document, as_json)
