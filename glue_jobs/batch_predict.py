"""Glue job: score a batch whose YAML says `engine: spark`.

Arguments: --config (an s3:// address, or the YAML itself) and --lake URI, --database_url URL or
--database_secret NAME, or both; if wanted --releases URI, --project DIR, --run ID (of the batch,
which goes on where it stopped), --data URI (an object in place of the source's), --as_of and
--known_by (ISO). The last line it prints is the report as JSON.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from awsglue.utils import GlueArgumentError, getResolvedOptions

from hindcast import project, settings
from hindcast.bootstrap import Application
from hindcast.errors import HindcastError, InputError
from hindcast.operations.batch.chunks import BatchReport
from hindcast.operations.batch.requested import FIELDS, requested
from hindcast.operations.batch.run import run_batch

REQUIRED = ("JOB_NAME", "lake", "config")
PLACES = ("releases", "project", "database_url", "database_secret")


def main(argv: Sequence[str]) -> None:
    """Run the job; a known error ends it with its one line."""
    try:
        report = batch_predict(arguments(argv))
    except HindcastError as error:
        raise SystemExit(f"batch_predict: {error}") from error
    sys.stdout.write(json.dumps(asdict(report)) + "\n")


def arguments(argv: Sequence[str]) -> dict[str, str]:
    """The job's arguments by name; Glue requires every one it is asked for, so only those given."""
    given = {word[2:].split("=", 1)[0] for word in argv if word.startswith("--")}
    asked = dict.fromkeys([*REQUIRED, *(name for name in (*PLACES, *FIELDS) if name in given)])
    try:
        resolved = getResolvedOptions(list(argv), list(asked))
    except GlueArgumentError as error:
        raise InputError(str(error)) from error
    return {name: resolved[name] for name in asked}


def batch_predict(given: Mapping[str, str]) -> BatchReport:
    """Score the batch on Spark, whatever engine its YAML names; raises what run_batch raises."""
    batch = requested({name: _document(given[name]) for name in FIELDS if name in given})
    on_spark = replace(batch, config=batch.config.model_copy(update={"engine": "spark"}))
    application = _application(given)
    return run_batch(application, on_spark, given.get("run"))


def _document(text: str) -> object:
    """A batch that the event had as a document comes as JSON."""
    return json.loads(text) if text.lstrip().startswith("{") else text


def _application(given: Mapping[str, str]) -> Application:
    if not given.keys() & {"database_url", "database_secret"}:
        raise InputError("give --database_url, --database_secret, or both")
    folder = Path(given["project"]) if "project" in given else None
    local = settings.load(environment={}, project=folder)
    places = replace(
        local,
        lake=given["lake"],
        releases=given.get("releases", local.releases),
        database_url=given.get("database_url"),
        database_secret=given.get("database_secret"),
    )
    return Application(places, project.load(places.project))


if __name__ == "__main__":
    main(sys.argv)
