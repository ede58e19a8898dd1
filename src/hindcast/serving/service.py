"""The routes: API Gateway's proxy event in, an answer by one predictor out, a log line for each.

It lives in the wheel, so that `hindcast serve` runs the very code of the predict Lambda.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response

from hindcast.errors import (
    FeatureError,
    HindcastError,
    NoReleaseError,
    NotFoundError,
    NotMaterializedError,
    StoreUnavailableError,
    UnloggedError,
)
from hindcast.serving import answers, journal, questions, refusals, requests
from hindcast.serving.meter import Meter
from hindcast.serving.plan import ServingPlan
from hindcast.serving.prediction_lines import PredictionLines
from hindcast.serving.predictor import Prediction, Predictor
from hindcast.serving.questions import BatchItem
from hindcast.serving.requests import Key, Question, RequestError
from hindcast.serving.routes import Routes
from hindcast.serving.scores.fallback import FallbackScore
from hindcast.serving.values import Value

Answered = Callable[[Logger, Mapping[str, Any]], None]


class Service:
    """The routes over one predictor; without one, of an image without a release, all are 503.

    answered: writes the line of an answer.
    """

    def __init__(
        self,
        predictor: Predictor | None,
        logger: Logger,
        meter: Meter,
        answered: Answered = journal.answered,
    ) -> None:
        self._answered = answered
        self.release = predictor.release.id if predictor else None
        self._given = predictor
        self._logger = logger
        self._meter = meter
        self._outages = refusals.Outages(logger, meter)
        # Whatever POWERTOOLS_DEV and POWERTOOLS_DEBUG say: it would write paths and bodies.
        self._app = APIGatewayRestResolver(debug=False)
        routes = Routes(self._app)
        for path, answer in (
            ("/predict", self.predict),
            ("/predict/batch", self.predict_batch),
            ("/score", self.score),
        ):
            routes.add("POST", path, answer)
            routes.add("POST", f"/models/<model>{path}", self._of_model(answer))
        routes.add("GET", "/features", self.features_by_name)
        routes.add("POST", "/features", self.features_of_body)
        routes.add("GET", "/features/<key>", self.features)
        routes.add("GET", "/health", self.health)
        routes.add("GET", "/ready", self.ready)
        refusals.install(self._app, routes, logger, meter, self._outages)

    def resolve(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        """Answer one proxy event."""
        return self._app.resolve(event, context)

    def predict(self) -> Response[str]:
        """{"id"} -> the prediction for that entity; keys and request values by their names."""
        lines = self._lines()
        with lines.about(None):
            plan = self._plan
            document = self._body(*plan.inputs)
            question = questions.read(document, plan)
        with lines.about(questions.keys_of(question, plan)):
            made = self._predictor.predict(question, lines.instant)
        return answers.ok(self._answer(questions.echo(document, plan), made, lines))

    def predict_batch(self) -> Response[str]:
        """{"instances"} or {"ids"} -> {"predictions"}: in order, refusals in their places."""
        lines = self._lines()
        with lines.about(None):
            plan = self._plan
            asked = questions.several(self._body("ids", "instances"), plan)
        good = [each.question for each in asked if isinstance(each.question, Question)]
        with lines.about(*(self._keys(each) for each in asked)):
            made = self._predictor.predict_many(good, lines.instant)
        return answers.ok({"predictions": [self._item(each, made, lines) for each in asked]})

    def features(self, key: str) -> Response[str]:
        """The features a prediction would be made from now; other values are in the query."""
        keys = {each.name: unquote(key) for each in self._plan.keys[:1]}
        return self._features_of(requests.query(self._app.current_event.raw_event, keys))

    def features_by_name(self) -> Response[str]:
        """The same, for the keys and request values of the query."""
        return self._features_of(requests.query(self._app.current_event.raw_event))

    def features_of_body(self) -> Response[str]:
        """The same, for the keys and request values of the body, which no URL or log has."""
        document = self._body(*self._plan.inputs)
        return self._features(questions.read(document, self._plan), document)

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
        state = "none" if self._plan.is_stateless else "ok"
        found = {"status": "ok", "release": self.release, "database": state, "features": state}
        try:
            predictor.check(datetime.now(UTC))
        except NotMaterializedError as error:
            self._outages.note(error)
            return answers.unavailable({**found, "status": "down", "features": "missing"})
        except StoreUnavailableError as error:
            self._outages.note(error)
            lost = {"status": "down", "database": "unavailable", "features": "unknown"}
            return answers.unavailable({**found, **lost})
        return answers.ok(found)

    def ready(self) -> Response[str]:
        """The same for whoever asks: not by which release, and not why it cannot."""
        if self.health().status_code == 200:
            return answers.ok({"status": "ok"})
        return answers.unavailable({"status": "down"})

    @property
    def _predictor(self) -> Predictor:
        if self._given is None:
            raise NoReleaseError("there is no release to answer by yet")
        return self._given

    @property
    def _plan(self) -> ServingPlan:
        return self._predictor.release.plan

    def _of_model(self, answer: Callable[[], Response[str]]) -> Callable[[str], Response[str]]:
        """A route for one model by its name; 404 for any other."""

        def answered(model: str) -> Response[str]:
            own = self._plan.model
            if unquote(model) != own:
                raise requests.unknown_model(unquote(model), [own])
            return answer()

        return answered

    def _features_of(self, texts: Mapping[str, str]) -> Response[str]:
        return self._features(questions.of_texts(texts, self._plan), texts)

    def _features(self, question: Question, asked: Mapping[str, Any]) -> Response[str]:
        row = self._predictor.features(question, datetime.now(UTC))
        return answers.ok({**asked, **row.document, "release": self.release})

    def _lines(self) -> PredictionLines:
        return PredictionLines(self._write, self.release)

    def _body(self, *allowed: str) -> dict[str, Any]:
        event = self._app.current_event.raw_event
        return requests.body(event.get("body"), bool(event.get("isBase64Encoded")), allowed)

    def _rows(self, document: Mapping[str, Any]) -> dict[str, dict[str, Value]]:
        """The rows to score, by the fields that they stand in."""
        plan = self._plan
        if "instances" not in document:
            values = requests.required(document, "features")
            return {"features": requests.feature_row(values, plan, "features")}
        if "features" in document:
            raise RequestError(422, "features", "cannot be sent together with instances")
        instances = enumerate(requests.items(document, "instances"))
        fields = {f"instances[{place}]": values for place, values in instances}
        return {field: requests.feature_row(fields[field], plan, field) for field in fields}

    def _answer(
        self, named: Mapping[str, Any], made: Prediction, lines: PredictionLines
    ) -> dict[str, Any]:
        """The answer to one question, logged; named: its keys as they came."""
        prediction_id = lines.predicted(made)
        self._meter.predictions(1)
        if isinstance(made.score, FallbackScore):
            self._meter.fallback()
        return {
            **named,
            **made.score.document,
            "release": made.release,
            "features_as_of": made.row.features_as_of.isoformat(),
            **made.row.named_instants,
            **made.row.named_unseen,
            "prediction_id": prediction_id,
        }

    def _item(
        self,
        asked: BatchItem,
        made: Mapping[Question, Prediction | HindcastError],
        lines: PredictionLines,
    ) -> dict[str, Any]:
        """One answer of a batch, or the refusal in its place, logged."""
        question = asked.question
        outcome = question if isinstance(question, RequestError) else made[question]
        if isinstance(outcome, Prediction):
            return self._answer(asked.named, outcome, lines)
        # A table that shrank shows in batches as well.
        is_unknown = isinstance(outcome, NotFoundError)
        self._meter.error("UnknownId" if is_unknown else "BatchItem")
        lines.unanswered(self._keys(asked), outcome)
        if isinstance(outcome, FeatureError):
            self._outages.failed(outcome)
            return {**asked.named, **answers.refusal(asked.field, refusals.UNEXPECTED)}
        # Of a batch's own fields, where the item is wrong; else of the item and why.
        if isinstance(question, RequestError):
            return {**asked.named, **answers.refusal(question.field, question.message)}
        return {**asked.named, **answers.refusal(asked.field, str(outcome))}

    def _keys(self, asked: BatchItem) -> Mapping[str, Key | None] | None:
        """The keys by name; None of what was no question."""
        if isinstance(asked.question, RequestError):
            return None
        return questions.keys_of(asked.question, self._plan)

    def _scored(
        self, rows: Mapping[str, dict[str, Value]], lines: PredictionLines
    ) -> list[dict[str, Any]]:
        """The answers for rows of the caller's values by field, logged."""
        # All are scored before any is logged: what fails has no line that says otherwise.
        with lines.about(*[None] * len(rows)):
            scores = [
                self._predictor.score(list(row.values()), field) for field, row in rows.items()
            ]
        found = [
            {
                **made.document,
                "release": self.release,
                "prediction_id": lines.scored(made, row),
            }
            for made, row in zip(scores, rows.values(), strict=True)
        ]
        self._meter.predictions(len(rows))
        return found

    def _write(self, line: Mapping[str, Any]) -> None:
        """Log an answer; raises UnloggedError, unless the model answers all the same."""
        try:
            self._answered(self._logger, line)
            self._meter.logged()
        except UnloggedError:
            self._meter.error("Unlogged")
            if self._given is None or self._plan.unlogged == "refuse":
                raise
