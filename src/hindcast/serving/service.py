"""The routes: API Gateway's proxy event in, an answer by one predictor out, a log line for each.

It lives in the wheel, so that `hindcast serve` runs the very code of the predict Lambda.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from hindcast.errors import (
    InputError,
    NoReleaseError,
    NotMaterializedError,
    StoreUnavailableError,
)
from hindcast.serving import answers, journal, refusals, requests
from hindcast.serving.meter import Meter
from hindcast.serving.prediction_lines import PredictionLines
from hindcast.serving.predictor import Prediction, Predictor
from hindcast.serving.requests import Key, RequestError
from hindcast.serving.values import Value


class Service:
    """The routes over one predictor; without one, of an image without a release, all are 503."""

    def __init__(self, predictor: Predictor | None, logger: Logger, meter: Meter) -> None:
        self.release = predictor.release.id if predictor else None
        self._given = predictor
        self._logger = logger
        self._meter = meter
        self._write = partial(journal.answered, logger)
        # Whatever POWERTOOLS_DEV and POWERTOOLS_DEBUG say: it would write paths and bodies.
        self._app = APIGatewayRestResolver(debug=False)
        self._app.post("/predict")(self.predict)
        self._app.post("/predict/batch")(self.predict_batch)
        self._app.get("/features/<key>")(self.features)
        self._app.post("/score")(self.score)
        self._app.get("/health")(self.health)
        refusals.install(self._app, logger, meter)

    def resolve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one proxy event."""
        return self._app.resolve(event, context)

    def predict(self) -> Response[str]:
        """{"id"} -> the prediction for that entity."""
        lines = self._lines()
        with lines.about(None):
            raw = requests.required(self._body("id"), "id")
            key = requests.entity_key(raw, self._predictor.release.plan)
        with lines.about(key):
            made = self._predictor.predict(key, lines.instant)
        return answers.ok(self._answer(raw, made, lines))

    def predict_batch(self) -> Response[str]:
        """{"ids"} -> {"predictions"}: in the order of ids, a refusal in the place of a bad id."""
        lines = self._lines()
        with lines.about(None):
            ids = requests.items(self._body("ids"), "ids")
            keys = [self._key_or_error(raw, f"ids[{place}]") for place, raw in enumerate(ids)]
        good = [key for key in keys if not isinstance(key, RequestError)]
        with lines.about(*map(_key_alone, keys)):
            made = self._predictor.predict_many(good, lines.instant)
        documents = [
            self._item(raw, f"ids[{place}]", key, made, lines)
            for place, (raw, key) in enumerate(zip(ids, keys, strict=True))
        ]
        return answers.ok({"predictions": documents})

    def features(self, key: str) -> Response[str]:
        """The features a prediction for that entity would be made from now."""
        raw = unquote(key)
        wanted = requests.entity_key(raw, self._predictor.release.plan)
        row = self._predictor.features(wanted, datetime.now(UTC))
        return answers.ok(
            {
                "id": raw,
                "features": answers.features(row.features),
                "features_as_of": row.features_as_of.isoformat(),
                "materialization": row.materialization,
                "release": self.release,
            }
        )

    def score(self) -> Response[str]:
        """{"features"} -> a score; {"instances"} -> {"predictions"}: the caller's values."""
        lines = self._lines()
        with lines.about(None):
            document = self._body("features", "instances")
            rows = self._rows(document)
        scored = self._scored(rows, lines)
        return answers.ok({"predictions": scored} if "instances" in document else scored[0])

    def health(self) -> Response[str]:
        """Whether /predict can answer: by the release's own SELECT over the online store."""
        predictor = self._predictor
        found = {"status": "ok", "release": self.release, "database": "ok", "features": "ok"}
        try:
            predictor.check(datetime.now(UTC))
        except NotMaterializedError as error:
            refusals.note(error, self._logger, self._meter)
            return answers.unavailable({**found, "status": "down", "features": "missing"})
        except StoreUnavailableError as error:
            refusals.note(error, self._logger, self._meter)
            lost = {"status": "down", "database": "unavailable", "features": "unknown"}
            return answers.unavailable({**found, **lost})
        return answers.ok(found)

    @property
    def _predictor(self) -> Predictor:
        if self._given is None:
            raise NoReleaseError("there is no release to answer by yet")
        return self._given

    def _lines(self) -> PredictionLines:
        return PredictionLines(self._write, self.release)

    def _body(self, *allowed: str) -> dict[str, Any]:
        event = self._app.current_event.raw_event
        return requests.body(event.get("body"), bool(event.get("isBase64Encoded")), allowed)

    def _rows(self, document: Mapping[str, Any]) -> list[dict[str, Value]]:
        plan = self._predictor.release.plan
        if "instances" not in document:
            values = requests.required(document, "features")
            return [requests.feature_row(values, plan, "features")]
        if "features" in document:
            raise RequestError(422, "features", "cannot be sent together with instances")
        instances = requests.items(document, "instances")
        return [
            requests.feature_row(values, plan, f"instances[{place}]")
            for place, values in enumerate(instances)
        ]

    def _key_or_error(self, raw: Any, field: str) -> Key | RequestError:
        try:
            return requests.entity_key(raw, self._predictor.release.plan, field)
        except RequestError as error:
            return error

    def _answer(self, raw: Any, made: Prediction, lines: PredictionLines) -> dict[str, Any]:
        """The answer for one entity, logged."""
        self._meter.predictions(1)
        return {
            "id": raw,
            **made.score.document,
            "release": made.release,
            "features_as_of": made.features_as_of.isoformat(),
            "prediction_id": lines.predicted(made),
        }

    def _item(
        self,
        raw: Any,
        field: str,
        key: Key | RequestError,
        made: Mapping[Key, Prediction | InputError],
        lines: PredictionLines,
    ) -> dict[str, Any]:
        """One answer of a batch, or the refusal in its place, logged."""
        outcome = key if isinstance(key, RequestError) else made[key]
        if isinstance(outcome, Prediction):
            return self._answer(raw, outcome, lines)
        self._meter.error("BatchItem")
        lines.unanswered(_key_alone(key), outcome)
        message = key.message if isinstance(key, RequestError) else str(outcome)
        return {"id": answers.echo(raw), **answers.refusal(field, message)}

    def _scored(
        self, rows: Sequence[dict[str, Value]], lines: PredictionLines
    ) -> list[dict[str, Any]]:
        """The answers for rows of the caller's values, logged."""
        # All are scored before any is logged: what fails has no line that says otherwise.
        with lines.about(*[None] * len(rows)):
            scores = [self._predictor.score(list(row.values())) for row in rows]
        self._meter.predictions(len(rows))
        return [
            {
                **made.document,
                "release": self.release,
                "prediction_id": lines.scored(made, row),
            }
            for made, row in zip(scores, rows, strict=True)
        ]


def _key_alone(key: Key | RequestError) -> Key | None:
    return None if isinstance(key, RequestError) else key
