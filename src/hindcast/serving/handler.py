"""Lambda handlers over a predictor or services: warm-ups, metrics and traces around routes."""

import atexit
import json
import logging
import os
import time
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Metrics

from hindcast import names
from hindcast.serving import answers, journal
from hindcast.serving.catalog import Catalog
from hindcast.serving.feature_routes import FeatureRoutes
from hindcast.serving.meter import Meter
from hindcast.serving.predictor import Predictor
from hindcast.serving.service import Service
from hindcast.serving.synthetic import FIELD, Synthetic, is_own

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
SERVICE = names.PREDICT_SERVICE
SERVICES = "/services/"

# What anything else than API Gateway's own event is answered with.
_NO_REQUEST = {
    "statusCode": 400,
    "headers": {"Content-Type": "application/json"},
    "body": json.dumps(
        answers.refusal(
            "event",
            "is no request of a REST API: payload version 1.0 has httpMethod, path and a body; an "
            "HTTP API or a function URL sends version 2.0, which is not taken",
        )
    ),
}

# Powertools keeps one log and one set of metrics for all of a process, and so do we.
logger = journal.logger(SERVICE)
_metrics = Metrics(namespace=names.METRICS, service=SERVICE)
meter = Meter(_metrics)
logging.getLogger("aws_lambda_powertools.event_handler").setLevel(logging.INFO)
atexit.register(meter.write)


def make_handler(predictor: Predictor | None, probe: str | None = None) -> Handler:
    """What Lambda calls with an event and a context; None is for an image without a release.

    probe: what the ARN of the caller begins with whose answers are nobody's.
    """
    service = Service(predictor, logger, meter)
    synthetic = Synthetic(predictor, logger, Meter(_metrics))
    return _handler(service.resolve, service.release, synthetic, probe)


def make_features_handler(catalog: Catalog) -> Handler:
    """What Lambda calls for the feature services of an online store; it needs no release."""
    return _handler(FeatureRoutes(catalog, logger, meter).resolve, None)


def with_services(services: Handler, others: Handler) -> Handler:
    """A handler that leaves /services/... to the services' own, and all else to others."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        chosen = services if event.get("path", "").startswith(SERVICES) else others
        return chosen(event, context)

    return handle


def _handler(
    resolve: Handler,
    release: str | None,
    synthetic: Synthetic | None = None,
    probe: str | None = None,
) -> Handler:
    """Routes, measured: by the release that answers, if any does."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        if event.get("warmup") and "httpMethod" not in event:
            # Busy meanwhile, so that the next of several warm-ups needs an environment of its own.
            time.sleep(event.get("hold_seconds", 0))
            return {"warm": True, "release": release}
        if synthetic and FIELD in event and "httpMethod" not in event:
            return synthetic.answer(event[FIELD], context)
        if not _is_request(event):
            return _NO_REQUEST
        if synthetic and is_own(event, probe):
            return synthetic.resolve(event, context)
        meter.by(release)
        started = time.perf_counter()
        try:
            return resolve(event, context)
        finally:
            ended = time.perf_counter()
            meter.request_done((ended - started) * 1000, ended)

    handler: Handler = logger.inject_lambda_context(_traced(handle), log_event=False)
    return handler


def _is_request(event: dict[str, Any]) -> bool:
    """Whether it is what a REST API hands on."""
    return isinstance(event.get("httpMethod"), str) and isinstance(event.get("path"), str)


def _traced(function: Handler) -> Handler:
    """Traced where a daemon takes traces; elsewhere the X-Ray SDK is not even imported."""
    if "AWS_XRAY_DAEMON_ADDRESS" not in os.environ:
        return function
    from aws_lambda_powertools import Tracer

    tracer = Tracer(service=SERVICE, auto_patch=False)
    traced: Handler = tracer.capture_lambda_handler(function, capture_response=False)
    return traced
