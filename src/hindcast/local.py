"""Serving on one machine: the current release and the local Postgres, through the Lambda's code."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from hindcast import database, names
from hindcast.bootstrap import Application
from hindcast.errors import InputError, NotFoundError
from hindcast.serving.predictor import Prediction, open_predictor
from hindcast.settings import Settings


def predict(application: Application, model: str | None, key: str, now: datetime) -> Prediction:
    """The prediction the service would give now; raises NotFoundError for an unknown key."""
    predictor = open_predictor(_serving_settings(application, model))
    try:
        return predictor.predict(key, now)
    finally:
        predictor.store.close()


def serve(
    application: Application,
    model: str | None,
    host: str,
    port: int,
    on_listening: Callable[[str], None],
) -> None:
    """Answer HTTP with the predict Lambda's handler until interrupted."""
    from hindcast.serving import http

    settings = _serving_settings(application, model)
    os.environ[names.ENV_RELEASE_DIR] = str(settings.release_dir)
    os.environ[names.ENV_DATABASE_URL] = str(settings.database_url)
    http.serve(host, port, on_listening)


def _serving_settings(application: Application, model: str | None) -> Settings:
    given = application.settings
    release = given.release_dir or current_release(given.releases, application, model)
    return Settings(
        home=given.home,
        lake=given.lake,
        releases=given.releases,
        database_url=database.url(given),
        release_dir=release,
    )


def current_release(releases: str, application: Application, model: str | None) -> Path:
    """The folder of the release that is served by default."""
    name = application.project.model(model).name
    if "://" in releases:
        raise InputError(
            f"{names.ENV_RELEASES}={releases}: serving needs a folder; copy the release to one and "
            f"name it in {names.ENV_RELEASE_DIR}"
        )
    pointer = Path(releases) / f"{name}.current"
    if not pointer.is_file():
        raise NotFoundError(f"model '{name}' has no release in {releases}; run: hindcast train")
    return Path(releases) / pointer.read_text().strip()
