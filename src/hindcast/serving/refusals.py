"""Which error is answered how: one table for all routes."""

import traceback
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError

from hindcast.errors import (
    NoReleaseError,
    NotFoundError,
    NotMaterializedError,
    StaleFeaturesError,
    StoreUnavailableError,
)
from hindcast.serving import answers
from hindcast.serving.features import UnknownEntityError
from hindcast.serving.meter import Meter
from hindcast.serving.requests import RequestError


def install(app: APIGatewayRestResolver, logger: Logger, meter: Meter) -> None:
    """Let the routes of app answer errors, each counted; the most specific class wins."""

    def refused(error: RequestError) -> Response[str]:
        meter.error("Request")
        return answers.error(error.status, error.field, error.message)

    def unknown(error: NotFoundError) -> Response[str]:
        meter.error("UnknownId")
        field = error.field if isinstance(error, UnknownEntityError) else None
        return answers.error(404, field, str(error))

    def no_route(_: NoRouteError) -> Response[str]:
        meter.error("Route")
        return answers.error(404, "path", "there is no such route")

    def unavailable(error: StoreUnavailableError) -> Response[str]:
        note(error, logger, meter)
        return answers.unavailable(answers.refusal(None, _shown(error)))

    def no_release(_: NoReleaseError) -> Response[str]:
        meter.error("NoRelease")
        return answers.unavailable(answers.refusal(None, "there is no release to answer by yet"))

    def unexpected(error: Exception) -> Response[str]:
        meter.error("Unexpected")
        # Frames without messages: the message of an unforeseen error may quote an id.
        stack = "".join(traceback.format_tb(error.__traceback__))
        kind = type(error.__cause__ or error).__qualname__
        logger.error("unexpected error", error_type=kind, stack=stack)
        return answers.error(500, None, "something went wrong here; it has been logged")

    # A table instead of decorators, which are untyped.
    table: dict[type[Exception], Callable[[Any], Response[str]]] = {
        RequestError: refused,
        NotFoundError: unknown,
        NoRouteError: no_route,
        StoreUnavailableError: unavailable,
        NoReleaseError: no_release,
        Exception: unexpected,
    }
    for error, answer in table.items():
        app.exception_handler(error)(answer)


def note(error: StoreUnavailableError, logger: Logger, meter: Meter) -> None:
    """Count that the store gave no answer, and log the cause where one has to see to it."""
    if isinstance(error, NotMaterializedError):
        meter.error("NotMaterialized")
        logger.error("what is asked for cannot be served", reason=str(error))
    elif isinstance(error, StaleFeaturesError):
        meter.error("StaleFeatures")
        logger.error("what is asked for is too old", reason=str(error))
    else:
        meter.error("StoreUnavailable")


def _shown(error: StoreUnavailableError) -> str:
    """Without the names of tables and columns, which are no caller's business."""
    if isinstance(error, NotMaterializedError):
        return "the online store does not have what is asked for; run: hindcast materialize"
    if isinstance(error, StaleFeaturesError):
        return str(error)
    return f"{error}; try again"
