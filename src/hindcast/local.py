"""Serving on one machine: the champion and the local Postgres, through the Lambda's code."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from hindcast import names
from hindcast.bootstrap import Application
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
    release = given.release_dir or _champion(application, model)
    return replace(given, database_url=application.database_url, release_dir=release)


def _champion(application: Application, model: str | None) -> Path:
    """The folder of the release in production; raises NotFoundError where there is none."""
    name = application.project.model(model).name
    return application.release_folder(application.champion(name).release)
