"""The service: API Gateway's proxy event in, an answer out, a log line per prediction.

It lives in the wheel, so that `hindcast serve` runs the very code of the predict Lambda.
"""

import atexit
import os
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError as NoRouteError

from hindcast import settings
from hindcast.errors import NotFoundError, StoreUnavailableError
from hindcast.serving import answers, journal, requests
from hindcast.serving.meter import Meter
from hindcast.serving.predictor import Prediction, Predictor, Score, open_predictor
from hindcast.serving.requests import RequestError

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
SERVICE = "hindcast-predict"

logger = journal.logger(SERVICE)
meter = Meter(Metrics(namespace="Hindcast", service=SERVICE))
app = APIGatewayRestResolver()


@cache
def predictor() -> Predictor:
    """The one predictor of this process, opened from the environment at first use."""
    return open_predictor(settings.load())


@app.post("/predict")
def predict() -> Response[str]:
    """{"id"} -> the prediction for that entity."""
    raw = requests.required(_body("id"), "id")
    now = datetime.now(UTC)
    return answers.ok(_answer(raw, predictor().predict(raw, now), now))


@app.post("/predict/batch")
def predict_batch() -> Response[str]:
    """{"ids"} -> {"predictions"}: in the order of ids, a refusal in the place of a bad id."""
    ids = requests.items(_body("ids"), "ids")
    now = datetime.now(UTC)
    documents = [_key_or_refusal(raw, f"ids[{position}]") for position, raw in enumerate(ids)]
    places = [place for place, document in enumerate(documents) if not isinstance(document, dict)]
    found = predictor().predict_many([documents[place] for place in places], now)
    for place, prediction in zip(places, found, strict=True):
        documents[place] = (
            _refused(ids[place], f"ids[{place}]", "is unknown")
            if prediction is None
            else _answer(ids[place], prediction, now)
        )
    return answers.ok({"predictions": documents})


@app.get("/features/<key>")
def get_features(key: str) -> Response[str]:
    """The features a prediction for that entity would be made from now."""
    key = unquote(key)
    row = predictor().features(key, datetime.now(UTC))
    return answers.ok(
        {
            "id": key,
            "features": answers.features(row.features),
            "features_as_of": row.features_as_of.isoformat(),
            "materialization": row.materialization,
            "release": predictor().release.id,
        }
    )


@app.post("/score")
def score() -> Response[str]:
    """{"features"} -> a score; {"instances"} -> {"predictions"}: the caller's values, not ours."""
    document = _body("features", "instances")
    now = datetime.now(UTC)
    if "instances" not in document:
        row = _row(requests.required(document, "features"), "features")
        return answers.ok(_scored(row, now))
    if "features" in document:
        raise RequestError(422, "features", "cannot be sent together with instances")
    instances = requests.items(document, "instances")
    # All are checked before any is scored, so that a refusal has logged no prediction.
    rows = [_row(values, f"instances[{place}]") for place, values in enumerate(instances)]
    return answers.ok({"predictions": [_scored(row, now) for row in rows]})


@app.get("/health")
def health() -> Response[str]:
    """Whether the release is loaded and the database answers."""
    document = {"status": "ok", "release": predictor().release.id, "database": "ok"}
    try:
        predictor().store.ping()
    except StoreUnavailableError:
        meter.error("StoreUnavailable")
        return answers.unavailable({**document, "status": "down", "database": "unavailable"})
    return answers.ok(document)


def _body(*allowed: str) -> dict[str, Any]:
    event = app.current_event.raw_event
    return requests.body(event.get("body"), bool(event.get("isBase64Encoded")), allowed)


def _row(values: Any, field: str) -> tuple[requests.Value, ...]:
    return requests.feature_row(values, predictor().release.plan, field)


def _key_or_refusal(raw: Any, field: str) -> Any:
    try:
        return requests.entity_key(raw, predictor().release.plan, field)
    except RequestError as error:
        return _refused(raw, error.field, error.message)


def _refused(raw: Any, field: str, message: str) -> dict[str, Any]:
    meter.error("BatchItem")
    return {"id": answers.echo(raw), **answers.refusal(field, message)}


def _answer(raw: Any, made: Prediction, now: datetime) -> dict[str, Any]:
    """The answer for one entity, logged."""
    features_as_of = made.features_as_of.isoformat()
    origin = {"materialization": made.materialization, "features_as_of": features_as_of}
    prediction_id = _log("predicted", made.id, made.features, made, now, origin)
    return {
        "id": raw,
        "prediction": made.prediction,
        "probability": made.probability,
        "release": made.release,
        "features_as_of": features_as_of,
        "prediction_id": prediction_id,
    }


def _scored(row: tuple[requests.Value, ...], now: datetime) -> dict[str, Any]:
    """The answer for one row of the caller's values, logged."""
    release = predictor().release
    made = predictor().score(row)
    values = dict(zip(release.plan.names, row, strict=True))
    origin = {"materialization": None, "features_as_of": None}
    prediction_id = _log("scored", None, values, made, now, origin)
    return {
        "prediction": made.prediction,
        "probability": made.probability,
        "release": release.id,
        "prediction_id": prediction_id,
    }


def _log(
    outcome: str,
    key: int | str | None,
    values: Mapping[str, requests.Value],
    made: Prediction | Score,
    now: datetime,
    origin: Mapping[str, str | None],
) -> str:
    """One line per prediction, enough to recompute it; the only lines that hold an id."""
    prediction_id = str(uuid.uuid4())
    line = {
        "prediction_id": prediction_id,
        "instant": now.isoformat(),
        "id": key,
        "release": predictor().release.id,
        **origin,
        "features": answers.features(values),
        "prediction": made.prediction,
        "probability": made.probability,
        "outcome": outcome,
    }
    journal.predicted(logger, line)
    meter.predictions(1)
    return prediction_id


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
    Exception: _unexpected,
}.items():
    app.exception_handler(_error)(_answer_to)


def _handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
    if event.get("warmup") and "httpMethod" not in event:
        return {"warm": True, "release": predictor().release.id}
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
