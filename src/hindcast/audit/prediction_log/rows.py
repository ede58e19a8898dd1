"""What a prediction's line holds, as a row of the table; anything else is malformed."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from hindcast import names
from hindcast.errors import InputError
from hindcast.serving.line_tags import FIELDS, FORGED, TAG, UNPROVEN, LineKeys
from hindcast.serving.prediction_lines import exact, identity
from hindcast.serving.release import model_of

INSTANT = pa.timestamp("us", tz="UTC")
# id: an only key, or several by name as JSON. request: what was sent with them, as JSON. answer:
# what any model answered, as JSON; null in rows from before there were others than binary ones,
# whose prediction and probability have columns of their own. features_as_of: the oldest view's;
# features_as_of_by_view: of several views, each one's, as JSON.
SCHEMA = pa.schema(
    [
        ("prediction_id", pa.string()),
        ("instant", INSTANT),
        ("id", pa.string()),
        ("request", pa.string()),
        ("release", pa.string()),
        ("materialization", pa.string()),
        ("features_as_of", INSTANT),
        ("features_as_of_by_view", pa.string()),
        ("features", pa.string()),
        ("prediction", pa.int64()),
        ("probability", pa.float64()),
        ("answer", pa.string()),
        ("outcome", pa.string()),
        ("tag", pa.string()),
        ("collected_at", INSTANT),
    ]
)
ANSWERED = (names.PREDICTED, names.SCORED)
OUTCOMES = (
    *ANSWERED,
    names.FALLBACK,
    names.UNKNOWN,
    names.REFUSED,
    names.UNAVAILABLE,
    names.FAILED,
)

_VALUES = {int, float, bool, str, type(None)}
_WORDS = ("NaN", "Infinity", "-Infinity")
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode

Row = tuple[Any, ...]


class MalformedError(ValueError):
    """Raised when a line of ours does not hold what such a line holds."""


def row(line: Mapping[str, Any]) -> Row:
    """The columns of a prediction, but for collected_at; raises MalformedError."""
    outcome = line.get("outcome")
    if outcome not in OUTCOMES:
        raise MalformedError("outcome is none of " + ", ".join(OUTCOMES))
    features = _plain(line, "features")
    if features is None and outcome in ANSWERED and line.get("shortened") is not True:
        raise MalformedError("features is missing")
    return (
        _text(line, "prediction_id", True),
        _instant(line, "instant", True),
        _key(line),
        _if_there(line, "request"),
        _release(line, outcome in ANSWERED),
        _text(line, "materialization", outcome == names.PREDICTED),
        _instant(line, "features_as_of", outcome == names.PREDICTED),
        _if_there(line, names.FEATURES_AS_OF_BY_VIEW),
        features,
        *_answer(line, outcome in ANSWERED),
        outcome,
        _text(line, TAG, False) if TAG in line else None,
    )


def doubt(row: Mapping[str, Any], keys: LineKeys | None) -> str | None:
    """Why a row is not proven to be what the deployment logged; None where it is."""
    if keys is None:
        return f"{UNPROVEN}: this deployment has no keys of prediction lines"
    line = {name: row[name] for name in FIELDS}
    for name in ("instant", "features_as_of"):
        line[name] = row[name].astimezone(UTC).isoformat() if row[name] else None
    answer = json.loads(row["answer"] or "{}")
    found = keys.doubt({**line, **answer}, row.get("tag"))
    columns = exact({name: row[name] for name in ("prediction", "probability")})
    if found is None and columns["prediction"] is not None and columns != answer:
        return f"{FORGED}: its prediction and probability are not those of its answer"
    return found


def require_own(found: Row, keys: LineKeys | None) -> None:
    """Raise MalformedError for a row that was forged; one that cannot be told stays unproven."""
    said = keys and doubt(dict(zip(SCHEMA.names, found, strict=False)), keys)
    if said and said.startswith(FORGED):
        raise MalformedError(said)


def key_text(keys: Mapping[str, Any]) -> str | None:
    """The column id of answers about an entity with these keys; None where an only key is null."""
    line = json.loads(json.dumps({"id": identity(keys)}, default=str))
    return _key(line)


def _given(line: Mapping[str, Any], name: str, needed: bool) -> Any:
    value = line.get(name)
    if value is None and (needed or name not in line):
        raise MalformedError(f"{name} is missing")
    return value


def _text(line: Mapping[str, Any], name: str, needed: bool) -> str | None:
    value = _given(line, name, needed)
    if value is None:
        return None
    if not isinstance(value, str) or not value or not _is_utf8(value):
        raise MalformedError(f"{name} is not text")
    return value


def _release(line: Mapping[str, Any], needed: bool) -> str | None:
    value = _text(line, "release", needed)
    try:
        if value is not None:
            model_of(value)
    except InputError:
        raise MalformedError("release is no release's id") from None
    return value


def _key(line: Mapping[str, Any]) -> str | None:
    """An only key's value, or several keys by name as JSON."""
    value = _given(line, "id", False)
    if type(value) is int:
        return str(value)
    return _plain(line, "id") if isinstance(value, dict) else _text(line, "id", False)


def _instant(line: Mapping[str, Any], name: str, needed: bool) -> datetime | None:
    value = _given(line, name, needed)
    if value is None:
        return None
    try:
        instant = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise MalformedError(f"{name} is not an instant") from None
    if instant.tzinfo is None:
        raise MalformedError(f"{name} is without its offset from UTC")
    return instant


def _plain(line: Mapping[str, Any], name: str) -> str | None:
    """As JSON again: Python writes each double in the shortest way that reads back as itself."""
    values = _given(line, name, False)
    if values is None:
        return None
    if not isinstance(values, dict) or not all(map(_is_value, values.values())):
        raise MalformedError(f"{name} is not an object of plain values")
    try:
        return _encode(values)
    except ValueError:
        raise MalformedError(f"{name} holds a number that is not finite") from None


def _if_there(line: Mapping[str, Any], name: str) -> str | None:
    """The same of what not every line has."""
    return _plain(line, name) if name in line else None


def _is_value(value: Any) -> bool:
    """Whether it is a plain value, or an array of numbers."""
    if type(value) is list:
        return all(type(each) in (int, float) for each in value)
    return type(value) in _VALUES


def _integer(line: Mapping[str, Any], name: str, needed: bool) -> int | None:
    value = _given(line, name, needed)
    if value is not None and (type(value) is not int or not -(2**63) <= value < 2**63):
        raise MalformedError(f"{name} is not a 64-bit integer")
    return value


def _double(line: Mapping[str, Any], name: str, needed: bool) -> float | None:
    value = _given(line, name, needed)
    if value is None or type(value) is float:
        return value
    if type(value) is int or value in _WORDS:
        return float(value)
    raise MalformedError(f"{name} is not a number")


def _answer(line: Mapping[str, Any], needed: bool) -> tuple[int | None, float | None, str | None]:
    """The columns prediction, probability and answer, by what a line says beside the prediction."""
    if line.get("fallback") is True:
        return None, None, _encode(_fallback(line))
    if line.get("probabilities") is not None:
        return None, None, _encode(_multiclass(line))
    if line.get("interval") is not None:
        return None, None, _encode(_regression(line))
    prediction = _integer(line, "prediction", needed)
    probability = _double(line, "probability", needed)
    if prediction is None or probability is None:
        return prediction, probability, None
    return (
        prediction,
        probability,
        _encode(exact({"prediction": prediction, "probability": probability})),
    )


def _fallback(line: Mapping[str, Any]) -> dict[str, Any]:
    if type(line.get("prediction")) not in (int, float, str):
        raise MalformedError("prediction is not a label or a number")
    return {"prediction": line["prediction"], "fallback": True}


def _multiclass(line: Mapping[str, Any]) -> dict[str, Any]:
    label, probabilities = line.get("prediction"), line["probabilities"]
    if type(label) not in (int, str):
        raise MalformedError("prediction is not a label")
    if not isinstance(probabilities, dict):
        raise MalformedError("probabilities is not an object of numbers")
    found = {name: _double(probabilities, name, True) for name in probabilities}
    return exact({"prediction": label, "probabilities": found})


def _regression(line: Mapping[str, Any]) -> dict[str, Any]:
    ends = line["interval"]
    if not isinstance(ends, list) or len(ends) != 2:
        raise MalformedError("interval is not a pair of numbers")
    estimate = _double(line, "prediction", True)
    interval = [_double({"interval": end}, "interval", True) for end in ends]
    return exact({"prediction": estimate, "interval": interval})


def _is_utf8(value: str) -> bool:
    """Whether Arrow can hold it: JSON can spell half a surrogate pair."""
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
