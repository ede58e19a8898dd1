"""Serving on one machine: the stage's releases and the local Postgres, by the Lambda's code."""

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hindcast.bootstrap import Application
from hindcast.serving import questions
from hindcast.serving.predictor import Prediction, Predictor, open_predictor
from hindcast.settings import Settings
from hindcast.stores import database
from hindcast.traffic.api_stage import ApiStage
from hindcast.traffic.local_stage import LocalStage

if TYPE_CHECKING:
    from hindcast.serving.handler import Handler
    from hindcast.traffic.split import Followed, TrafficSplit


def predict(
    application: Application, model: str | None, asked: list[str], now: datetime
) -> Prediction:
    """The prediction the service would give now; raises NotFoundError for an unknown entity.

    asked: the only key's value, or NAME=VALUE of each key and request value.
    """
    predictor = open_champion(application, model)
    try:
        return predictor.predict(questions.of_words(asked, predictor.release.plan), now)
    finally:
        predictor.close()


def open_champion(application: Application, model: str | None) -> Predictor:
    """What answers for a model, to be closed: its release in production, or the settings' folder.

    Raises NotFoundError where no release is in production.
    """
    return open_predictor(_serving_settings(application, model))


def serve(
    application: Application,
    model: str | None,
    host: str,
    port: int,
    on_listening: Callable[[str], None],
    api: ApiStage | None = None,
    wrap: "Callable[[Handler], Handler] | None" = None,
    is_patient: bool = False,
) -> None:
    """Answer HTTP with the predict Lambda's handler until interrupted.

    Models by one release where the settings name its folder; by those of a stage of API Gateway's,
    while it changes; else every model by those of its stage in the home. Feature services besides,
    or alone where the project has no model. model: whose the short paths are; without it the
    project's default model's. wrap: adds other routes to those of predictions. is_patient: whether
    to serve where no model has a release yet.
    """
    from hindcast.serving import journal
    from hindcast.serving.catalog import open_catalog
    from hindcast.serving.handler import logger, make_features_handler, with_services
    from hindcast.traffic import http

    journal.sign(logger, application.line_keys)
    with ExitStack() as opened:
        models = _answering(application, model, api, opened, is_patient)
        catalog = open_catalog(_settings(application, None), application.project.asked)
        opened.callback(catalog.close)
        services = make_features_handler(catalog)
        handler = with_services(services, models) if models else services
        opened.enter_context(database.kept_running(application.settings, logger.warning))
        http.serve(wrap(handler) if wrap else handler, host, port, on_listening)


def _answering(
    application: Application,
    model: str | None,
    api: ApiStage | None,
    opened: ExitStack,
    is_patient: bool,
) -> "Handler | None":
    """What answers for models; None of a project without any."""
    from hindcast.serving.handler import make_handler

    if application.settings.release_dir is not None:
        predictor = open_champion(application, model)
        opened.callback(predictor.close)
        return make_handler(predictor)
    if api is not None:
        return opened.enter_context(closing(_split(application, api, None)))
    if model is None and not application.project.models:
        return None
    return _models(application, model, opened, is_patient)


def _models(
    application: Application, model: str | None, opened: ExitStack, is_patient: bool
) -> "Handler":
    """Every model of the project; one without a release is answered with 503, as on AWS.

    Unless patient, raises NotFoundError where the default model has none, or no model has one.
    """
    from hindcast.serving.handler import logger
    from hindcast.traffic.models import Models, OnceReleased

    declared = application.project.models
    chosen = application.project.model(model) if model else application.project.default_model
    default = chosen.name if chosen else None
    handlers = {name: OnceReleased(partial(_of_home, application, name)) for name in declared}
    for handler in handlers.values():
        opened.callback(handler.close)
    lacking = {name: error for name, each in handlers.items() if (error := each.open())}
    if not is_patient and lacking and (default in lacking or len(lacking) == len(declared)):
        raise lacking.get(default or "") or next(iter(lacking.values()))
    for error in lacking.values():
        logger.warning("answered with 503 until there is a release", reason=str(error))
    return Models(handlers, default)


def _of_home(application: Application, model: str) -> "TrafficSplit":
    """By the model's stage in the home, which begins with the champion."""
    stage = LocalStage(application.settings.home, model)
    stage.point(application.champion(model).release)
    return _split(application, stage, stage.access_log)


def _split(application: Application, stage: "Followed", access_log: Path | None) -> "TrafficSplit":
    """The handler before the handler, by the releases of a stage."""
    from hindcast.traffic.split import TrafficSplit

    def open_release(release: str) -> Predictor:
        return open_predictor(_settings(application, application.release_folder(release)))

    return TrafficSplit(stage, open_release, access_log)


def _serving_settings(application: Application, model: str | None) -> Settings:
    return _settings(application, application.settings.release_dir or _champion(application, model))


def _settings(application: Application, release: Path | None) -> Settings:
    given = application.settings
    # Who signs in by IAM does so when connecting; anybody else by what is found out here.
    url = given.database_url if given.database_auth else application.database_url
    return replace(given, database_url=url, release_dir=release)


def _champion(application: Application, model: str | None) -> Path:
    """The folder of the release in production; raises NotFoundError where there is none."""
    name = application.project.model(model).name
    return application.release_folder(application.champion(name).release)
