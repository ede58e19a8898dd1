"""Serving on one machine: the stage's releases and the local Postgres, by the Lambda's code."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hindcast.bootstrap import Application
from hindcast.serving import requests
from hindcast.serving.predictor import Prediction, Predictor, open_predictor
from hindcast.settings import Settings
from hindcast.traffic.api_stage import ApiStage
from hindcast.traffic.local_stage import LocalStage

if TYPE_CHECKING:
    from hindcast.traffic.split import TrafficSplit


def predict(application: Application, model: str | None, key: str, now: datetime) -> Prediction:
    """The prediction the service would give now; raises NotFoundError for an unknown key."""
    predictor = open_predictor(_serving_settings(application, model))
    try:
        return predictor.predict(requests.entity_key(key, predictor.release.plan), now)
    finally:
        predictor.store.close()


def serve(
    application: Application,
    model: str | None,
    host: str,
    port: int,
    on_listening: Callable[[str], None],
    api: ApiStage | None = None,
) -> None:
    """Answer HTTP with the predict Lambda's handler until interrupted.

    By one release where the settings name its folder; else by those of the model's stage in the
    home, or of a stage of API Gateway's, while it changes.
    """
    from hindcast.serving.handler import make_handler
    from hindcast.traffic import http

    if application.settings.release_dir is not None:
        predictor = open_predictor(_serving_settings(application, model))
        http.serve(make_handler(predictor), host, port, on_listening)
        return
    split = _split(application, model, api)
    try:
        http.serve(split, host, port, on_listening)
    finally:
        split.close()


def _split(application: Application, model: str | None, api: ApiStage | None) -> "TrafficSplit":
    """The handler before the handler; a stage in the home begins with the champion."""
    from hindcast.traffic.split import TrafficSplit

    def open_release(release: str) -> Predictor:
        folder = application.release_folder(release)
        return open_predictor(_settings(application, folder))

    if api is not None:
        return TrafficSplit(api, open_release)
    declared = application.project.model(model).name
    stage = LocalStage(application.settings.home, declared)
    stage.point(application.champion(declared).release)
    return TrafficSplit(stage, open_release, stage.access_log)


def _serving_settings(application: Application, model: str | None) -> Settings:
    return _settings(application, application.settings.release_dir or _champion(application, model))


def _settings(application: Application, release: Path) -> Settings:
    given = application.settings
    # Who signs in by IAM does so when connecting; anybody else by what is found out here.
    url = given.database_url if given.database_auth else application.database_url
    return replace(given, database_url=url, release_dir=release)


def _champion(application: Application, model: str | None) -> Path:
    """The folder of the release in production; raises NotFoundError where there is none."""
    name = application.project.model(model).name
    return application.release_folder(application.champion(name).release)
