"""The service: API Gateway's proxy event in, an answer out, a log line for each.

It lives in the wheel, so that `hindcast serve` runs the very code of the predict Lambda.
"""

import atexit
import logging
import os
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError

from hindcast import settings
from hindcast.errors import NoReleaseError, NotFoundError, StoreUnavailableError
from hindcast.serving import answers, journal, requests
from hindcast.serving.asked import Asked
from hindcast.serving.meter import Meter
from hindcast.serving.predictor import Prediction, Predictor, open_predictor
from hindcast.serving.requests import RequestError

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
SERVICE = "hindcast-predict"

logger = journal.logger(SERVICE)
meter = Meter(Metrics(namespace="Hindcast", service=SERVICE))
# Whatever POWERTOOLS_DEV and POWERTOOLS_DEBUG say: it would write paths and bodies, ids and all.
app = APIGatewayRestResolver(debug=False)
logging.getLogger("aws_lambda_powertools.event_handler").setLevel(logging.INFO)


_given: ContextVar[Predictor | None] = ContextVar("predictor", default=None)


@cache
def predictor() -> Predictor:
    """The one predictor of this process, opened from the environment at first use."""
    opened = open_predictor(settings.load())
    meter.by(opened.release.id)
    return opened


def load() -> str | None:
    """Verify and load the release, and return its id; None where there is none yet."""
    try:
        return _predictor().release.id
    except NoReleaseError:
        return None


@contextmanager
def answered_by(given: Predictor) -> Iterator[None]:
    """Within, requests are answered by this predictor in place of the process's own."""
    token = _given.set(given)
    meter.by(given.release.id)
    try:
        yield
    finally:
        _given.reset(token)


def _predictor() -> Predictor:
    """The predictor of the request under way."""
    return _given.get() or predictor()


@app.post("/predict")
def predict() -> Response[str]:
    """{"id"} -> the prediction for that entity."""
    with _asked() as asked:
        raw = requests.required(_body("id"), "id")
        key = requests.entity_key(raw, _predictor().release.plan)
        asked.about([key])
        return answers.ok(_answer(raw, _predictor().predict(key, asked.instant), asked))


@app.post("/predict/batch")
def predict_batch() -> Response[str]:
    """{"ids"} -> {"predictions"}: in the order of ids, a refusal in the place of a bad id."""
    with _asked() as asked:
        ids = requests.items(_body("ids"), "ids")
        keys = [_key_or_error(raw, f"ids[{place}]") for place, raw in enumerate(ids)]
        good = [key for key in keys if not isinstance(key, RequestError)]
        asked.about(None if isinstance(key, RequestError) else key for key in keys)
        found = iter(_predictor().predict_many(good, asked.instant))
        documents = [
            _refused(raw, key, asked)
            if isinstance(key, RequestError)
            else _answer_or_unknown(raw, place, next(found), asked)
            for place, (raw, key) in enumerate(zip(ids, keys, strict=True))
        ]
        return answers.ok({"predictions": documents})


@app.get("/features/<key>")
def get_features(key: str) -> Response[str]:
    """The features a prediction for that entity would be made from now."""
    key = unquote(key)
    row = _predictor().features(key, datetime.now(UTC))
    return answers.ok(
        {
            "id": key,
            "features": answers.features(row.features),
            "features_as_of": row.features_as_of.isoformat(),
            "materialization": row.materialization,
            "release": _predictor().release.id,
        }
    )


@app.post("/score")
def score() -> Response[str]:
    """{"features"} -> a score; {"instances"} -> {"predictions"}: the caller's values, not ours."""
    with _asked() as asked:
        document = _body("features", "instances")
        if "instances" not in document:
            row = _row(requests.required(document, "features"), "features")
            return answers.ok(_scored([row], asked)[0])
        if "features" in document:
            raise RequestError(422, "features", "cannot be sent together with instances")
        instances = requests.items(document, "instances")
        rows = [_row(values, f"instances[{place}]") for place, values in enumerate(instances)]
        return answers.ok({"predictions": _scored(rows, asked)})


@app.get("/health")
def health() -> Response[str]:
    """Whether the release is loaded and the database answers."""
    document = {"status": "ok", "release": _predictor().release.id, "database": "ok"}
    try:
        _predictor().store.ping()
    except StoreUnavailableError:
        meter.error("StoreUnavailable")
        return answers.unavailable({**document, "status": "down", "database": "unavailable"})
    return answers.ok(document)


@contextmanager
def _asked() -> Iterator[Asked]:
    """A request for predictions of the release; what comes of it is logged."""
    with Asked(partial(journal.answered, logger)) as asked:
        asked.by(_predictor().release.id)
        yield asked


def _body(*allowed: str) -> dict[str, Any]:
    event = app.current_event.raw_event
    return requests.body(event.get("body"), bool(event.get("isBase64Encoded")), allowed)


def _row(values: Any, field: str) -> tuple[requests.Value, ...]:
    return requests.feature_row(values, _predictor().release.plan, field)


def _key_or_error(raw: Any, field: str) -> int | str | RequestError:
    try:
        return requests.entity_key(raw, _predictor().release.plan, field)
    except RequestError as error:
        return error


def _refused(raw: Any, error: RequestError, asked: Asked) -> dict[str, Any]:
    asked.refused(error)
    return _no_answer(raw, error.field, error.message)


def _no_answer(raw: Any, field: str, message: str) -> dict[str, Any]:
    meter.error("BatchItem")
    return {"id": answers.echo(raw), **answers.refusal(field, message)}


def _answer_or_unknown(
    raw: Any, place: int, made: Prediction | None, asked: Asked
) -> dict[str, Any]:
    if made is not None:
        return _answer(raw, made, asked)
    asked.unknown()
    return _no_answer(raw, f"ids[{place}]", "is unknown")


def _answer(raw: Any, made: Prediction, asked: Asked) -> dict[str, Any]:
    """The answer for one entity, logged."""
    meter.predictions(1)
    return {
        "id": raw,
        "prediction": made.prediction,
        "probability": made.probability,
        "release": made.release,
        "features_as_of": made.features_as_of.isoformat(),
        "prediction_id": asked.predicted(made),
    }


def _scored(rows: Sequence[tuple[requests.Value, ...]], asked: Asked) -> list[dict[str, Any]]:
    """The answers for rows of the caller's values, logged."""
    asked.about([None] * len(rows))
    release = _predictor().release
    # All are scored before any is logged: what fails has no line that says otherwise.
    scores = [_predictor().score(row) for row in rows]
    meter.predictions(len(rows))
    return [
        {
            "prediction": made.prediction,
            "probability": made.probability,
            "release": release.id,
            "prediction_id": asked.scored(made, dict(zip(release.plan.names, row, strict=True))),
        }
        for made, row in zip(scores, rows, strict=True)
    ]


def _refuse(error: RequestError) -> Response[str]:
    meter.error("Request")
    return answers.error(error.status, error.field, error.message)


def _unknown(error: NotFoundError) -> Response[str]:
    meter.error("UnknownId")
    return answers.error(404, "id", str(error))


def _no_route(_: NoRouteError) -> Response[str]:
    meter.error("Route")
    return answers.error(404, "path", "there is no such route")


def _store_away(error: StoreUnavailableError) -> Response[str]:
    meter.error("StoreUnavailable")
    return answers.unavailable(answers.refusal(None, f"{error}; try again"))


def _no_release(_: NoReleaseError) -> Response[str]:
    meter.error("NoRelease")
    return answers.unavailable(answers.refusal(None, "there is no release to answer by yet"))


def _unexpected(error: Exception) -> Response[str]:
    meter.error("Unexpected")
    # Frames without messages: the message of an unforeseen error may quote an id.
    stack = "".join(traceback.format_tb(error.__traceback__))
    logger.error("unexpected error", error_type=type(error).__qualname__, stack=stack)
    return answers.error(500, None, "something went wrong here; it has been logged")


# A table instead of decorators, which are untyped; the most specific class of an error wins.
for _error, _answer_to in {
    RequestError: _refuse,
    NotFoundError: _unknown,
    NoRouteError: _no_route,
    StoreUnavailableError: _store_away,
    NoReleaseError: _no_release,
    Exception: _unexpected,
}.items():
    app.exception_handler(_error)(_answer_to)


def _handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if event.get("warmup") and "httpMethod" not in event:
        return {"warm": True, "release": load()}
    started = time.perf_counter()
    try:
        return app.resolve(event, context)
    finally:
        ended = time.perf_counter()
        meter.request_done((ended - started) * 1000, ended)


def _traced(function: Handler) -> Handler:
    """Traced where a daemon takes traces; elsewhere the X-Ray SDK is not even imported."""
    if "AWS_XRAY_DAEMON_ADDRESS" not in os.environ:
        return function
    from aws_lambda_powertools import Tracer

    tracer = Tracer(service=SERVICE, auto_patch=False)
    traced: Handler = tracer.capture_lambda_handler(function, capture_response=False)
    return traced


atexit.register(meter.write)
handler: Handler = logger.inject_lambda_context(_traced(_handle), log_event=False)
