"""Which error is answered how: one table for all routes."""

import traceback
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError

from hindcast.errors import (
    FeatureError,
    NoReleaseError,
    NotFoundError,
    NotMaterializedError,
    StaleFeaturesError,
    StoreUnavailableError,
    UnloggedError,
    first_line,
)
from hindcast.serving import answers
from hindcast.serving.features import UnknownEntityError
from hindcast.serving.meter import Meter
from hindcast.serving.rarely import Rarely
from hindcast.serving.requests import RequestError
from hindcast.serving.routes import Routes

UNEXPECTED = "something went wrong here; it has been logged"
UNLOGGED = "the answer cannot be logged, and is not given without that; try again"
Table = dict[type[Exception], Callable[[Any], Response[str]]]


class Outages:
    """What the store does not give: counted each time, and told once a minute with its cause."""

    def __init__(self, logger: Logger, meter: Meter) -> None:
        self._logger, self._meter = logger, meter
        self._told = Rarely()

    def note(self, error: StoreUnavailableError) -> None:
        """Count that there was no answer, and log the driver's reason, which has nobody's id."""
        kind, message, reason = _described(error)
        self._meter.error(kind)
        if self._told.is_due(f"{kind} {reason}"):
            self._logger.error(message, reason=reason)

    def failed(self, error: FeatureError) -> None:
        """Log the kind of an error that an item of a batch met; its words may quote values."""
        kind = type(error.__cause__ or error).__qualname__
        if self._told.is_due(kind):
            self._logger.error("a feature cannot be computed", error_type=kind)


def install(
    app: APIGatewayRestResolver, routes: Routes, logger: Logger, meter: Meter, outages: Outages
) -> None:
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
        methods = routes.allowed(app.current_event.raw_event)
        if methods:
            return answers.not_allowed(methods)
        return answers.error(404, "path", "there is no such route")

    def unavailable(error: StoreUnavailableError) -> Response[str]:
        outages.note(error)
        return answers.unavailable(answers.refusal(None, _shown(error)))

    def unlogged(_: UnloggedError) -> Response[str]:
        return answers.unavailable(answers.refusal(None, UNLOGGED))

    def no_release(_: NoReleaseError) -> Response[str]:
        meter.error("NoRelease")
        return answers.unavailable(answers.refusal(None, "there is no release to answer by yet"))

    def unexpected(error: Exception) -> Response[str]:
        meter.error("Unexpected")
        _log(error, logger)
        return answers.error(500, None, UNEXPECTED)

    # A table instead of decorators, which are untyped.
    table: Table = {
        RequestError: refused,
        NotFoundError: unknown,
        NoRouteError: no_route,
        StoreUnavailableError: unavailable,
        UnloggedError: unlogged,
        NoReleaseError: no_release,
        Exception: unexpected,
    }
    for error, answer in table.items():
        app.exception_handler(error)(answer)


def _log(error: Exception, logger: Logger) -> None:
    """Frames without messages: the message of an unforeseen error may quote an id."""
    stack = "".join(traceback.format_tb(error.__traceback__))
    kind = type(error.__cause__ or error).__qualname__
    logger.error("unexpected error", error_type=kind, stack=stack)


def _described(error: StoreUnavailableError) -> tuple[str, str, str]:
    """What it counts as, what is said of it, and why."""
    if isinstance(error, NotMaterializedError):
        return "NotMaterialized", "what is asked for cannot be served", str(error)
    if isinstance(error, StaleFeaturesError):
        return "StaleFeatures", "what is asked for is too old", str(error)
    return "StoreUnavailable", str(error), first_line(error.__cause__ or error)


def _shown(error: StoreUnavailableError) -> str:
    """Without the names of tables and columns, which are no caller's business."""
    if isinstance(error, NotMaterializedError):
        return "the online store does not have what is asked for; run: hindcast materialize"
    if isinstance(error, StaleFeaturesError):
        return str(error)
    return f"{error}; try again"
