"""What callers send: bodies and feature values, checked before anything else happens."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from hindcast.errors import InputError
from hindcast.serving import values
from hindcast.serving.plan import ARRAY, PlanFeature, ServingPlan
from hindcast.serving.scores import Score
from hindcast.serving.values import Value

MAX_BODY_BYTES = 1024 * 1024
MAX_ITEMS = 1000

Key = int | str | date


@dataclass(frozen=True, slots=True)
class Question:
    """The keys and values of one question, in the order of the plan's keys and request."""

    keys: tuple[Key | None, ...]
    given: tuple[Any, ...] = ()


class RequestError(InputError):
    """Raised when a request cannot be answered as sent; field says where, status is HTTP's.

    place is where in names of ours only, for logs: a field that we do not know may be anything.
    """

    def __init__(self, status: int, field: str, message: str, place: str | None = None) -> None:
        super().__init__(f"{field}: {message}")
        self.status = status
        self.field = field
        self.message = message
        self.place = place or field


def body(text: str | None, is_base64: bool, allowed: Sequence[str]) -> dict[str, Any]:
    """The JSON object of a request, with no other fields than those allowed.

    Raises RequestError: 413 over MAX_BODY_BYTES, 400 when it is not JSON, 422 otherwise.
    """
    document = json_object(text, is_base64)
    require_known(document, allowed)
    return document


def json_object(text: str | None, is_base64: bool) -> dict[str, Any]:
    """The JSON object of a request, whatever its fields; raises RequestError as `body` does."""
    document = _json(_bytes(text, is_base64))
    if not isinstance(document, dict):
        raise RequestError(422, "body", "must be a JSON object")
    return document


def query(event: Mapping[str, Any], keys: Mapping[str, str] | None = None) -> dict[str, str]:
    """The parameters of a request's query, after keys that came in its path.

    Raises RequestError 400 naming one that is given more than once, in either.
    """
    given = dict(keys or {})
    for name, texts in (event.get("multiValueQueryStringParameters") or {}).items():
        if name in given or len(texts) > 1:
            raise RequestError(400, name, "is given more than once; send one value", "query")
        given[name] = texts[0]
    return given


def require_known(document: Mapping[str, Any], allowed: Sequence[str], where: str = "") -> None:
    """Raise RequestError 422 naming the first other field, after `where`, and those allowed."""
    for name in document:
        if name not in allowed:
            known = ", ".join(allowed)
            place = where.rstrip(".") or "body"
            raise RequestError(422, where + name, f"is unknown; known are {known}", place)


def _bytes(text: str | None, is_base64: bool) -> bytes:
    try:
        content = (text or "").encode()
        if is_base64:
            content = base64.b64decode(content, validate=True)
    except ValueError as error:
        raise RequestError(400, "body", "is not valid base64 or UTF-8") from error
    if len(content) > MAX_BODY_BYTES:
        raise too_large()
    return content


def too_large() -> RequestError:
    """The refusal of a body over MAX_BODY_BYTES, whoever notices it first."""
    return RequestError(413, "body", f"is larger than {MAX_BODY_BYTES} bytes")


def unknown_model(model: str, known: Iterable[str]) -> RequestError:
    """The refusal of a path that names no model that is served here."""
    names = ", ".join(known) or "none"
    return RequestError(404, "model", f"there is no model '{model}'; known are {names}")


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise RequestError(400, "body", f"is not JSON: {error.msg} at {where}") from error
    except (ValueError, RecursionError) as error:  # Bad UTF-8, endless numbers, deep nesting.
        raise RequestError(400, "body", "is not JSON that can be read") from error


def required(document: Mapping[str, Any], field: str) -> Any:
    """The value of a field that must be there; raises RequestError 422 naming it."""
    try:
        return document[field]
    except KeyError:
        raise RequestError(422, field, "is missing") from None


def items(document: Mapping[str, Any], field: str) -> list[Any]:
    """A list of at most MAX_ITEMS; raises RequestError 422 for its type, 413 for its length."""
    values = required(document, field)
    if not isinstance(values, list):
        raise RequestError(422, field, "must be a list")
    if len(values) > MAX_ITEMS:
        raise RequestError(413, field, f"has {len(values)} items; at most {MAX_ITEMS} are allowed")
    return values


def feature_row(document: object, plan: ServingPlan, field: str) -> dict[str, Value]:
    """Feature values in the plan's order, typed as it says; an explicit null is a value.

    Raises RequestError 422 naming the first feature that is missing, unknown, ill-typed, or has a
    value that a model cannot take.
    """
    if not isinstance(document, dict):
        raise RequestError(422, field, "must be an object of feature values")
    for name in document:
        if name not in plan.names:
            reason = "is not a feature of this model"
            raise RequestError(422, f"{field}.{name}", reason, place=field)
    return {
        feature.name: _feature(document, feature, f"{field}.{feature.name}")
        for feature in plan.features
    }


def check_values(features: Mapping[str, Value]) -> None:
    """Raise RequestError 422 naming the first feature with a value that a model cannot take."""
    for name, value in features.items():
        if reason := values.fault(value):
            raise RequestError(422, f"features.{name}", reason)


def check_score(score: Score, field: str = "features") -> None:
    """Raise RequestError 422 where a model's answer to a field's values is not a finite number."""
    if not score.is_finite:
        raise RequestError(422, field, "the model's answer to these values is no finite number")


def _feature(document: Mapping[str, Any], feature: PlanFeature, field: str) -> Value:
    if feature.name not in document:
        raise RequestError(422, field, f"is missing; send a {feature.described} or null")
    value = _typed(document[feature.name], feature, field)
    if reason := values.fault(value):
        raise RequestError(422, field, reason)
    return value


def _typed(value: Any, feature: PlanFeature, field: str) -> Value:
    kind = feature.kind
    if value is None or (kind == "boolean" and isinstance(value, bool)):
        return value
    if kind == "string" and isinstance(value, str):
        return text(value, field)
    if kind == "bigint" and type(value) is int:
        return value
    if kind in ("double", "decimal") and type(value) in (int, float):
        return _number(value, field)
    if kind == ARRAY and _are_numbers(value, feature.size):
        return [_number(each, field) for each in value]
    raise RequestError(422, field, f"must be a {feature.described} or null")


def _are_numbers(value: Any, count: int) -> bool:
    is_list = isinstance(value, list) and len(value) == count
    return is_list and all(type(each) in (int, float) for each in value)


def _number(value: int | float, field: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise RequestError(422, field, "is beyond the range of 32-bit floats") from error


def text(value: str, field: str) -> str:
    """The value; raises RequestError 422 for what Postgres cannot hold as text."""
    # Postgres text holds neither NUL nor half a surrogate pair.
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise RequestError(422, field, "contains a character that text cannot hold")
    return value
