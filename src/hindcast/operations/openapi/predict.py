"""The predict API, told as data: what serving answers, whose process has no pydantic to say it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from hindcast.operations.openapi.document import Answer, Api, Document, Operation, Parameter
from hindcast.operations.openapi.document import document as openapi
from hindcast.serving.requests import MAX_ITEMS

Value = bool | int | float | str | list[float] | None
Key = int | str | None


class _Named(BaseModel):
    """Keys by the names that the release says, beside the fields of the answer."""

    model_config = ConfigDict(extra="allow")


class Problem(BaseModel):
    """What is wrong, with which field of what was sent; none where it is with the service."""

    field: str | None
    message: str


class Refusal(BaseModel):
    """The body of every refusal."""

    error: Problem


class QuestionBody(_Named):
    """Keys and request values by the names that the release's plan says."""


class QuestionsBody(BaseModel):
    """Questions; a bad one is refused in its place."""

    model_config = ConfigDict(extra="forbid")
    ids: list[Any] | None = Field(
        None, description="ValuesBody of an only key.", max_length=MAX_ITEMS
    )
    instances: list[Any] | None = Field(
        None, description="Objects of keys and request values.", max_length=MAX_ITEMS
    )


class ValuesBody(BaseModel):
    """Feature values of one row, or of several, by the names that the release says."""

    model_config = ConfigDict(extra="forbid")
    features: dict[str, Value] | None = None
    instances: list[dict[str, Value]] | None = Field(None, max_length=MAX_ITEMS)


class _Traced(_Named):
    """Which release answered, and the id that the answer is replayed by."""

    release: str
    prediction_id: str


class _Binary(BaseModel):
    prediction: Annotated[int, Field(ge=0, le=1)]
    probability: Annotated[float, Field(ge=0, le=1)]


class _Multiclass(BaseModel):
    prediction: int | str
    probabilities: dict[str, float]


class _Regression(BaseModel):
    prediction: float
    interval: Annotated[list[float], Field(min_length=2, max_length=2)]


class _Looked(_Traced):
    """As of when the features are: of a model over several views the oldest, and each by view.

    unseen: views that have no history of what was asked.
    """

    features_as_of: datetime
    features_as_of_by_view: dict[str, datetime] = {}
    unseen: list[str] = []


class ScoredBinary(_Binary, _Traced):
    """0 or 1, and how probable 1 is, for values that were sent."""


class ScoredMulticlass(_Multiclass, _Traced):
    """A label, and how probable each is, for values that were sent."""


class ScoredRegression(_Regression, _Traced):
    """An estimate and the interval around it, for values that were sent."""


class PredictedBinary(_Binary, _Looked):
    """0 or 1, and how probable 1 is, for what was asked about."""


class PredictedMulticlass(_Multiclass, _Looked):
    """A label, and how probable each is, for what was asked about."""


class PredictedRegression(_Regression, _Looked):
    """An estimate and the interval around it, for what was asked about."""


class PredictedFallback(_Looked):
    """The answer that the model declares for features that are too old."""

    prediction: int | float | str
    fallback: Literal[True]


class Predicted(
    RootModel[PredictedBinary | PredictedMulticlass | PredictedRegression | PredictedFallback]
):
    """The answer of one model, by the model's task; or its fallback, where it has one."""


class ScoredRow(RootModel[ScoredBinary | ScoredMulticlass | ScoredRegression]):
    """The answer of one model to values; which of the three is the model's task."""


class RefusedItem(_Named, Refusal):
    """The refusal in the place of one answer of a batch, with the keys as they came."""


class PredictedBatch(BaseModel):
    """Answers in the order of the questions, refusals in their places."""

    predictions: list[Predicted | RefusedItem]


class ScoredRows(BaseModel):
    """Answers in the order of the rows."""

    predictions: list[ScoredRow]


class ScoredAll(RootModel[ScoredRow | ScoredRows]):
    """One answer for features, several for instances."""


class _Features(_Named):
    features: dict[str, Value]
    features_as_of: datetime
    features_as_of_by_view: dict[str, datetime] = {}
    materialization: str | None
    unseen: list[str] = []


class ModelFeatures(_Features):
    """What a prediction would be made from now."""

    release: str


class ServiceFeatures(_Features):
    """What a feature service has now."""

    service: str


class Health(BaseModel):
    """Whether questions can be answered; models: each one's, where there are several."""

    model_config = ConfigDict(extra="allow")
    status: Literal["ok", "down"]


class HealthOrRefusal(RootModel[Health | Refusal]):
    """What is down, or that there is no release yet."""


class Readiness(BaseModel):
    """Whether questions can be answered, and no more."""

    status: Literal["ok", "down"]


class ReadinessOrRefusal(RootModel[Readiness | Refusal]):
    """That they cannot be, or that there is no release yet."""


API = Api(
    "Hindcast predict",
    "PredictedBatch, scores and features of a project. Keys and request values are named by its "
    "definitions; on AWS requests are signed by IAM and carry a usage plan's key.",
    "1",
    {
        "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    },
)
_OK = "The answer."
_REFUSALS = {
    400: "The body is not JSON, or a parameter is given more than once.",
    404: "What is asked about is not known: the entity, the model or the service.",
    413: "The body or a list in it is too long.",
    422: "A field is unknown, missing or has a value that it cannot have.",
    503: "The store, the features or a release are not there; try again.",
}
_QUERY = Parameter(
    "question",
    "query",
    "Keys and request values, each a parameter of its own name.",
    {"type": "object", "additionalProperties": {"type": "string"}},
    required=False,
)


_OF_SERVICE = "/services/{service}/features"
_FEATURES = "The features that a question has"
_SERVED = "The features of a service now"


def operations(question: type[BaseModel], values: type[BaseModel]) -> list[Operation]:
    """Every route of the predict API."""
    return [
        *_of_model("predict", "/predict", "Predict for one question", question, Predicted),
        *_of_model(
            "predict_batch", "/predict/batch", "Predict for many", QuestionsBody, PredictedBatch
        ),
        *_of_model("score", "/score", "ScoredRow values that are sent", values, ScoredAll),
        _post("features_by_body", "/features", f"{_FEATURES} now", question, ModelFeatures),
        _post("service_features_by_body", _OF_SERVICE, _SERVED, QuestionBody, ServiceFeatures),
        _get("features", "/features", f"{_FEATURES} now, in a URL", ModelFeatures),
        _get("features_of_key", "/features/{key}", "The same, of an only key", ModelFeatures),
        _get("service_features", _OF_SERVICE, f"{_SERVED}, in a URL", ServiceFeatures),
        Operation(
            "health",
            "GET",
            "/health",
            "Whether questions can be answered",
            "health",
            {200: Answer("They can.", Health), 503: Answer("They cannot.", HealthOrRefusal)},
        ),
        Operation(
            "ready",
            "GET",
            "/ready",
            "The same in one word, for who looks from outside",
            "health",
            {200: Answer("They can.", Readiness), 503: Answer("They cannot.", ReadinessOrRefusal)},
        ),
    ]


def document(
    question: type[BaseModel] = QuestionBody, values: type[BaseModel] = ValuesBody
) -> Document:
    """The document of the predict API.

    question, values: what one release takes, where more is to be said than that it has names.
    """
    return openapi(API, operations(question, values))


def _of_model(
    name: str, path: str, summary: str, body: type[BaseModel], answer: type[BaseModel]
) -> list[Operation]:
    """The route of the default model, and the same below a model's name."""
    answers = _answers(answer, 400, 404, 413, 422, 503)
    return [
        Operation(name, "POST", path, f"{summary}, by the default model", "predict", answers, body),
        Operation(
            f"{name}_by_model",
            "POST",
            f"/models/{{model}}{path}",
            summary,
            "predict",
            answers,
            body,
        ),
    ]


def _post(
    name: str, path: str, summary: str, body: type[BaseModel], answer: type[BaseModel]
) -> Operation:
    answers = _answers(answer, 400, 404, 413, 422, 503)
    return Operation(name, "POST", path, summary, "features", answers, body)


def _get(name: str, path: str, summary: str, answer: type[BaseModel]) -> Operation:
    answers = _answers(answer, 400, 404, 422, 503)
    return Operation(name, "GET", path, summary, "features", answers, parameters=[_QUERY])


def _answers(model: type[BaseModel], *refusals: int) -> Mapping[int, Answer]:
    again = {"Retry-After": "Seconds to wait."}
    refused = {
        status: Answer(_REFUSALS[status], Refusal, headers=again if status == 503 else {})
        for status in refusals
    }
    return {200: Answer(_OK, model), **refused}
