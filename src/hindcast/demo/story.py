"""A demo of an example, in a home of its own that is made anew."""

import shutil
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from hindcast import bootstrap
from hindcast.bootstrap import Application
from hindcast.demo import challenge, daily, elsewhere, examples, news, steps
from hindcast.demo.examples import Example
from hindcast.demo.summary import Summary
from hindcast.errors import InputError
from hindcast.stores.home import DEMONSTRATED
from hindcast.telemetry import Progress


def run(home: Path, name: str, engine: str, customers: int, progress: Progress) -> Summary:
    """From files to answers of every model over HTTP, and their replay, or to those of a batch.

    A champion that has a challenger is challenged besides: canaries, a refusal and a rollback; then
    everybody is scored as a batch, and a feature that drifts starts a rebuild.
    """
    example = examples.example(name, customers)
    application = bootstrap.application(_fresh(home.absolute()), example.folder)
    summary = Summary(engine, application.settings.home)
    summary.run("write files", lambda: example.write(summary.home))
    with ExitStack() as stack:
        summary.run("subscribe", partial(news.subscribe, application, stack))
        _learn(application, summary, example, progress)
        if example.is_elsewhere:
            _score(application, summary, example)
        if example.questions:
            _serve(application, summary, example, stack, progress)
        summary.run("events", partial(news.deliver, application))
    for model, questions in example.questions.items() if example.then else ():
        ask = partial(steps.predict_then, application, model, questions[0], example.then or "")
        summary.run(f"{model} as of {example.then}", ask)
    if example.questions:
        summary.run("replay", lambda: steps.replay(application, summary))
    return summary


def _serve(
    application: Application,
    summary: Summary,
    example: Example,
    stack: ExitStack,
    progress: Progress,
) -> None:
    """Answer over HTTP, challenge what answers, and watch it."""
    serve = partial(steps.serve, application, summary, example, stack)
    url = summary.run("serve and ask", serve)["url"]
    if example.challenged:
        challenge.run(application, summary, example, url, progress)
    daily.run(application, summary, example, url, progress)


def _score(application: Application, summary: Summary, example: Example) -> None:
    """Train a model elsewhere, and score a batch by it."""
    train = partial(elsewhere.train, application, example)
    digest = summary.run("train and log to MLflow", train)["digest"]
    summary.run("score a file", partial(elsewhere.score, application, example, digest))


def _learn(
    application: Application, summary: Summary, example: Example, progress: Progress
) -> None:
    """Ingest every source, compute every view, train every model."""
    for source in application.project.sources.values():
        summary.run(f"ingest {source.name}", partial(steps.ingest, application, source, progress))
    if application.project.views:
        compute = partial(steps.materialize, application, summary.engine, example.as_of, progress)
        summary.run("materialize", compute)
    for model in application.project.models:
        as_of = example.challenged.get(model, example.as_of)
        first = partial(steps.train_first, application, summary, model, as_of, progress)
        summary.run(f"train {model}", first)


def _fresh(home: Path) -> Path:
    """An empty home; only a home that an earlier demo made is emptied."""
    if home.exists() and any(home.iterdir()):
        if not (home / DEMONSTRATED).is_file():
            raise InputError(f"--home {home}: not empty and not a demo's; name another folder")
        from hindcast.stores import embedded_postgres

        if (home / "postgres" / "postmaster.pid").exists():  # A killed demo left it running.
            embedded_postgres.server_url(home / "postgres")
            embedded_postgres.stop(home / "postgres")
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / DEMONSTRATED).touch()
    return home
