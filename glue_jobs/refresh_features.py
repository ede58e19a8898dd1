"""Glue job: materialize a feature view as of an instant, on Spark.

Arguments: --lake URI and one of --database_url URL, --database_secret NAME (the secret that RDS
keeps of its user); if wanted --project DIR (of definitions.py), --feature_view NAME, --as_of and
--known_by (ISO, default now), --force true. It reads no bookmark: an instant decides what it
computes. The last line it prints is the report as JSON.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from awsglue.utils import GlueArgumentError, getResolvedOptions

from hindcast import project, recorded, settings
from hindcast.bootstrap import Application
from hindcast.errors import HindcastError, InputError
from hindcast.materialize import MaterializeReport

REQUIRED = ("JOB_NAME", "lake")
OPTIONAL = (
    "project", "feature_view", "database_url", "database_secret", "as_of", "known_by", "force",
)  # fmt: skip


def main(argv: Sequence[str]) -> None:
    """Run the job; a known error ends it with its one line."""
    try:
        report = refresh(arguments(argv), datetime.now(UTC))
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


def refresh(given: Mapping[str, str], now: datetime) -> MaterializeReport:
    """Materialize with the Spark engine; raises what materialize raises."""
    application = _application(given)
    with application.store:
        return recorded.materialize(
            application,
            given.get("feature_view"),
            "spark",
            given.get("as_of"),
            given.get("known_by"),
            now,
            force=given.get("force", "false").lower() == "true",
        )


def _application(given: Mapping[str, str]) -> Application:
    folder = Path(given["project"]) if "project" in given else None
    places = replace(
        settings.load(environment={}, project=folder),
        lake=given["lake"],
        database_url=database_url(given),
    )
    return Application(places, project.load(places.project))


def database_url(given: Mapping[str, str]) -> str:
    """Where the online store is; raises InputError unless it is named in exactly one way."""
    if ("database_url" in given) == ("database_secret" in given):
        raise InputError("give one of --database_url and --database_secret")
    return given.get("database_url") or _url_of(_secret(given["database_secret"]))


def _secret(name: str) -> dict[str, Any]:
    """What Secrets Manager keeps under that name; raises InputError when it is not to be had."""
    import boto3
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        text = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    except (BotoCoreError, ClientError) as error:
        raise InputError(f"--database_secret {name}: {error}") from error
    secret: dict[str, Any] = json.loads(text)
    return secret


def _url_of(secret: Mapping[str, Any]) -> str:
    """A connection string from the fields RDS writes: username, password, host, port, dbname."""
    missing = [name for name in ("username", "password", "host") if name not in secret]
    if missing:
        raise InputError(f"--database_secret: the secret has no {', '.join(missing)}")
    user, password = (quote(str(secret[name]), safe="") for name in ("username", "password"))
    place = f"{secret['host']}:{secret.get('port', 5432)}/{secret.get('dbname', 'postgres')}"
    return f"postgresql://{user}:{password}@{place}?sslmode=require"


if __name__ == "__main__":
    main(sys.argv)
