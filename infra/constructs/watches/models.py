"""Of each model: whether it answers, whom, how fast, and by what; of each view, how old it is."""

from dataclasses import replace

from aws_cdk import Duration

from hindcast import names
from infra.choices import Thresholds
from infra.config import Deployment
from infra.constructs.metrics import FEW_MINUTES, HOUR, Metrics
from infra.constructs.watches.watch import Watch


def watches(deployment: Deployment, metrics: Metrics) -> list[Watch]:
    """Of every model and view."""
    limits = deployment.thresholds
    of_models = [
        watch
        for model in deployment.models
        for watch in (
            *_traffic(limits, metrics, model),
            *_callers(limits, metrics, model),
            *_silence(deployment, metrics, model),
            *_model(limits, metrics, model),
            *_warm(deployment, metrics, model),
            *_probe(deployment, metrics, model),
        )
    ]
    return [*of_models, *(_features(limits, metrics, view) for view in deployment.views)]


def _traffic(limits: Thresholds, metrics: Metrics, model: str) -> list[Watch]:
    """Of a model's stage and function: those that end its canary."""
    errors = metrics.error_percent(model)
    # Looked at alone: in the whole traffic a canary's errors are a few of many.
    of_canary = metrics.error_percent(model, canary=True)
    slow = metrics.gateway(model, "Latency", "p99")
    broken = metrics.predict(model, "Errors", "Sum")
    throttled = metrics.predict(model, "Throttles", "Sum")
    room = "Predict has no room for more requests; see predict_concurrency"
    percent = limits.error_percent
    found = [
        Watch("api-errors", errors, percent, "Answers fail"),
        Watch("canary-errors", of_canary, percent, "The canary's answers fail", 2, 3),
        Watch("api-latency", slow, limits.latency_p99_ms, "Answers are slow (p99)"),
        Watch("predict-errors", broken, 0, "Predict breaks", 2, 3),
        Watch("predict-throttles", throttled, limits.throttles, room, 2, 3),
    ]
    return [replace(watch, subject=model) for watch in found]


def _callers(limits: Thresholds, metrics: Metrics, model: str) -> list[Watch]:
    """Of answers that say no: that they are many may be our fault, as of a table that shrank."""
    refused = metrics.client_error_percent(model)
    unknown = metrics.unknown_id_percent(model)
    found = [
        Watch("client-errors", refused, limits.client_error_percent, "Callers are refused (4xx)"),
        Watch("forbidden", metrics.answered(model, 403), limits.forbidden, "Many answers are 403"),
        Watch("over-quota", metrics.answered(model, 429), limits.over_quota, "Many are 429"),
        Watch("unknown-ids", unknown, limits.unknown_id_percent, "Many ids are not known", 3, 3),
    ]
    return [replace(watch, subject=model) for watch in found]


def _silence(deployment: Deployment, metrics: Metrics, model: str) -> list[Watch]:
    """Of a model that is expected to be asked, that too few do, for two hours."""
    least = deployment.watching.traffic.get(model)
    if least is None:
        return []
    asked = metrics.hindcast(names.METRIC_LOGGED, names.METRIC_MODEL, model, HOUR, "Sum")
    few = f"Less than {least} answers an hour"
    return [Watch("no-traffic", asked, least, few, 2, 2, True, model, is_below=True)]


def _model(limits: Thresholds, metrics: Metrics, model: str) -> list[Watch]:
    age = metrics.hindcast(names.METRIC_MODEL_AGE, names.METRIC_MODEL, model)
    drift = metrics.hindcast(names.METRIC_DRIFT, names.METRIC_MODEL, model)
    old = "The model in production is old, or nobody says how old"
    other = "What is asked or answered differs from what the model was trained on"
    return [
        Watch("model-age", age, limits.model_age_days, old, 1, 1, True, model),
        Watch("drift", drift, limits.drift, other, 1, 1, subject=model),
    ]


def _warm(deployment: Deployment, metrics: Metrics, model: str) -> list[Watch]:
    """Whether warm-ups fail, or none comes, for two half-hours: each has two of them at least.

    None comes where the function is not called, has no room, or does not end.
    """
    if not deployment.warmup.minutes:
        return []
    name = names.METRIC_WARMUP
    failures = metrics.hindcast(name, names.METRIC_MODEL, model, Duration.minutes(30))
    means = "Predict is not kept warm, or nobody says whether it is"
    return [Watch("warmup-failures", failures, 0, means, 2, 2, True, model)]


def _probe(deployment: Deployment, metrics: Metrics, model: str) -> list[Watch]:
    """Whether the probe is not answered, or none comes, in each of two five minutes."""
    if model not in deployment.watching.probes:
        return []
    name = names.METRIC_PROBE
    failures = metrics.hindcast(name, names.METRIC_MODEL, model, FEW_MINUTES)
    means = "A known question has no answer through the API, or nobody says whether it has"
    return [Watch("probe-failures", failures, 0, means, 2, 2, True, model)]


def _features(limits: Thresholds, metrics: Metrics, view: str) -> Watch:
    age = metrics.hindcast(names.METRIC_FEATURE_AGE, names.METRIC_VIEW, view)
    old = "Features are old, or nobody says how old"
    return Watch("feature-age", age, limits.feature_age_hours, old, 1, 1, True, view)
