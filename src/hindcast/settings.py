"""Environment -> frozen settings; the only module that reads HINDCAST_* variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hindcast import names
from hindcast.errors import InputError


@dataclass(frozen=True)
class Settings:
    """Where things live. `lake`, `releases` and `ledger_heads` are folders or s3:// URIs."""

    home: Path
    lake: str
    releases: str
    project: Path | None = None
    database_url: str | None = None
    database_auth: str | None = None
    database_secret: str | None = None
    release_dir: Path | None = None
    topic_arn: str | None = None
    event_bus: str | None = None
    events_topic_arn: str | None = None
    poster: str | None = None
    worker_secret: str | None = None
    deployment: str | None = None
    machines: str | None = None
    roles: str | None = None
    run_id: str | None = None
    rebuild_machine: str | None = None
    rebuild_input: str | None = None
    by: str | None = None
    ledger_heads: str | None = None
    line_keys: str | None = None
    probe: str | None = None


def load(
    environment: Mapping[str, str] = os.environ,
    home: Path | None = None,
    project: Path | None = None,
) -> Settings:
    """Read the settings; explicit arguments win over the environment, which wins over defaults."""
    # A variable that is set to nothing is not set.
    given = {name: value for name, value in environment.items() if value}
    base = (home or Path(given.get(names.ENV_HOME, ".hindcast"))).absolute()
    return Settings(
        home=base,
        lake=given.get(names.ENV_LAKE, str(base / "lake")),
        releases=given.get(names.ENV_RELEASES, str(base / "releases")),
        project=project or _path(given.get(names.ENV_PROJECT)),
        database_url=given.get(names.ENV_DATABASE_URL),
        database_auth=_auth(given.get(names.ENV_DATABASE_AUTH)),
        database_secret=given.get(names.ENV_DATABASE_SECRET),
        release_dir=_path(given.get(names.ENV_RELEASE_DIR)),
        topic_arn=given.get(names.ENV_TOPIC_ARN),
        event_bus=given.get(names.ENV_EVENT_BUS),
        events_topic_arn=given.get(names.ENV_EVENTS_TOPIC_ARN),
        poster=given.get(names.ENV_POSTER),
        worker_secret=given.get(names.ENV_WORKER_SECRET),
        deployment=given.get(names.ENV_DEPLOYMENT),
        machines=given.get(names.ENV_MACHINES),
        roles=given.get(names.ENV_ROLES),
        run_id=given.get(names.ENV_RUN_ID),
        rebuild_machine=given.get(names.ENV_REBUILD_MACHINE),
        rebuild_input=given.get(names.ENV_REBUILD_INPUT),
        by=given.get(names.ENV_BY),
        ledger_heads=given.get(names.ENV_LEDGER_HEADS, _heads(base, given)),
        line_keys=given.get(names.ENV_LINE_KEYS),
        probe=given.get(names.ENV_PROBE),
    )


def _heads(base: Path, given: Mapping[str, str]) -> str | None:
    """In the home; of a deployment, whose functions keep nothing there, where it says so."""
    return None if names.ENV_DEPLOYMENT in given else str(base / "ledger-heads")


def _auth(text: str | None) -> str | None:
    if text not in (None, names.DATABASE_AUTH_IAM):
        raise InputError(
            f"{names.ENV_DATABASE_AUTH}={text}: the only way but passwords is "
            f"{names.DATABASE_AUTH_IAM}"
        )
    return text


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
