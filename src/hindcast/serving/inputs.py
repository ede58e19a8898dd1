"""Keys and request values of each type: what JSON, or text, may say for them."""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from hindcast.serving.plan import PlanInput
from hindcast.serving.requests import Key, RequestError, text

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_DECIMAL = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,38})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_EXACT = Context(prec=100, rounding=ROUND_HALF_UP)
# Those that are not text in JSON.
_BARE = ("double", "boolean")


def key(raw: Any, wanted: PlanInput, field: str) -> Key | None:
    """A key as value gives it; empty text is none. Raises RequestError 422 naming field."""
    if raw == "" and wanted.kind == "string":
        raise RequestError(422, field, "must be a non-empty string")
    found: Key | None = value(raw, wanted, field)
    return found


def value(raw: Any, wanted: PlanInput, field: str) -> Any:
    """A value of the plan's type, as the driver takes it; null where it is not required.

    Raises RequestError 422 naming field.
    """
    if raw is None and not wanted.required:
        return None
    if wanted.kind == "decimal":
        return _decimal(raw, wanted, field)
    return _READERS[wanted.kind](raw, field)


def of_text(given: str, kind: str | None) -> Any:
    """What JSON would say for a value that is written as text; nothing is null, but as a string."""
    if not given and kind != "string":
        return None
    if kind not in _BARE:
        return given
    try:
        return json.loads(given)
    except ValueError:
        return given


def _integer(raw: Any, field: str) -> int:
    # True is an int to Python, never one to a caller.
    if type(raw) is int:
        found = raw
    elif isinstance(raw, str) and _INTEGER.fullmatch(raw):
        found = int(raw)
    else:
        raise RequestError(422, field, "must be an integer or a string of digits")
    if not -(2**63) <= found < 2**63:
        raise RequestError(422, field, "is out of the range of 64-bit integers")
    return found


def _string(raw: Any, field: str) -> str:
    if not isinstance(raw, str):
        raise RequestError(422, field, "must be a string")
    return text(raw, field)


def _boolean(raw: Any, field: str) -> bool:
    if not isinstance(raw, bool):
        raise RequestError(422, field, "must be true or false")
    return raw


def _double(raw: Any, field: str) -> float:
    if type(raw) not in (int, float):
        raise RequestError(422, field, "must be a number")
    try:
        found = float(raw)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise RequestError(422, field, "is not a finite number")
    return found


def _decimal(raw: Any, wanted: PlanInput, field: str) -> Decimal:
    """Exact where it comes as text; rounded to the plan's digits, as a table's column rounds."""
    is_number = type(raw) is int or (type(raw) is float and math.isfinite(raw))
    if not is_number and not (isinstance(raw, str) and _DECIMAL.fullmatch(raw)):
        raise RequestError(422, field, "must be a number, or a string of one")
    digits, after_point = wanted.digits
    found, limit = Decimal(str(raw)), Decimal(10) ** (digits - after_point)
    if abs(found) < limit:
        found = found.quantize(Decimal(1).scaleb(-after_point), context=_EXACT)
    if abs(found) >= limit:
        raise RequestError(
            422, field, f"has more than {digits - after_point} digits before its point"
        )
    return found


def _date(raw: Any, field: str) -> date:
    try:
        if isinstance(raw, str) and _DATE.fullmatch(raw):
            return date.fromisoformat(raw)
    except ValueError:
        pass
    raise RequestError(422, field, "must be a date such as 2026-11-28")


def _timestamp(raw: Any, field: str) -> datetime:
    try:
        found = datetime.fromisoformat(raw)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        pass
    raise RequestError(422, field, "must be an instant such as 2026-11-28T12:00:00Z")


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "bigint": _integer,
    "string": _string,
    "boolean": _boolean,
    "double": _double,
    "date": _date,
    "timestamp": _timestamp,
}
