"""Glue job: materialize feature views, and what live releases read, as of an instant, on Spark.

Arguments: --lake URI and --database_url URL or --database_secret NAME, or both: user and password
are the secret's, the place the URL's; if wanted --releases URI (where releases are kept), --project
DIR (of definitions.py), --feature_views NAMES (with commas between, default all), --as_of and
--known_by (ISO, default now), --release NAME (computed as well), --force true, --by NAME (who asked
for it). A view that fails does not stop the others, but fails the job at its end. It reads no
bookmark: an instant decides what it computes. The last line it prints is the report as JSON.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from awsglue.utils import GlueArgumentError, getResolvedOptions

from hindcast import bootstrap, project, settings
from hindcast.bootstrap import Application
from hindcast.data.refresh import RefreshReport, refresh
from hindcast.errors import HindcastError, InputError

REQUIRED = ("JOB_NAME", "lake")
OPTIONAL = (
    "releases",
    "project",
    "feature_views",
    "database_url",
    "database_secret",
    "as_of",
    "known_by",
    "release",
    "force",
    "by",
)


def main(argv: Sequence[str]) -> None:
    """Run the job; a known error ends it with its one line."""
    try:
        report = refresh_features(arguments(argv), datetime.now(UTC))
    except HindcastError as error:
        raise SystemExit(f"refresh_features: {error}") from error
    sys.stdout.write(json.dumps(asdict(report), default=datetime.isoformat) + "\n")


def arguments(argv: Sequence[str]) -> dict[str, str]:
    """The job's arguments by name; Glue requires every one it is asked for, so only those given."""
    given = {word[2:].split("=", 1)[0] for word in argv if word.startswith("--")}
    asked = [*REQUIRED, *(name for name in OPTIONAL if name in given)]
    try:
        resolved = getResolvedOptions(list(argv), asked)
    except GlueArgumentError as error:
        raise InputError(str(error)) from error
    return {name: resolved[name] for name in asked}


def refresh_features(given: Mapping[str, str], now: datetime) -> RefreshReport:
    """Materialize with the Spark engine; raises what materialize raises."""
    application = _application(given)
    with application.store:
        return refresh(
            application,
            given["feature_views"].split(",") if "feature_views" in given else None,
            bootstrap.engine("spark"),
            bootstrap.knowledge(given.get("as_of"), given.get("known_by"), now),
            also=[given["release"]] if "release" in given else (),
            force=given.get("force", "false").lower() == "true",
        )


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
        by=given.get("by"),
    )
    return Application(places, project.load(places.project))


if __name__ == "__main__":
    main(sys.argv)
