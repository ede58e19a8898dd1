"""The tag of a prediction's line: by a key of the deployment, so that none is forged or changed."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hindcast.errors import InputError

# A line's fields that a tag is of; what else a line has is the logger's. The answer is in several.
FIELDS = (
    "prediction_id",
    "instant",
    "id",
    "request",
    "release",
    "materialization",
    "features_as_of",
    "features_as_of_by_view",
    "features",
    "outcome",
)
ANSWER = ("prediction", "probability", "probabilities", "interval", "fallback")
TAG = "tag"
# How a doubt begins: of a line that is not what was written, and of one that cannot be told.
FORGED, UNPROVEN = "forged", "unproven"
_LEAST_BYTES = 16

_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


@dataclass(frozen=True)
class LineKeys:
    """Keys by number: the highest tags, and lines that another one tagged are still proven."""

    keys: Mapping[int, bytes] = field(repr=False)

    def tag(self, line: Mapping[str, Any]) -> str:
        """The tag of a line: the key's number and the HMAC-SHA256 of what the line says."""
        newest = max(self.keys)
        return f"{newest}:{_hmac(self.keys[newest], line)}"

    def doubt(self, line: Mapping[str, Any], tag: str | None) -> str | None:
        """Why a line is not proven to be the deployment's own; None where it is."""
        if tag is None:
            return f"{UNPROVEN}: written before tags, or by something else"
        number, _, digest = tag.partition(":")
        key = self.keys.get(int(number)) if number.isdecimal() else None
        if key is None:
            return f"{UNPROVEN}: the deployment has no key {number}"
        if not hmac.compare_digest(digest.encode(), _hmac(key, line).encode()):
            return f"{FORGED}: its tag is of another line, or by another key"
        return None


def parse(document: Mapping[str, Any], place: str) -> LineKeys:
    """The keys of {"1": text, ...}; raises InputError naming the place, and never a key."""
    try:
        keys = {int(number): str(key).encode() for number, key in document.items()}
    except ValueError:
        keys = {}
    if not keys or min(map(len, keys.values())) < _LEAST_BYTES:
        raise InputError(
            f"{place}: it is not keys of prediction lines by number, of {_LEAST_BYTES} bytes each"
        )
    return LineKeys(keys)


def _hmac(key: bytes, line: Mapping[str, Any]) -> str:
    """In bytes that a line and its row in the lake give alike: text as it is, all else as JSON."""
    answer = {name: line[name] for name in ANSWER if line.get(name) is not None}
    values = [*map(line.get, FIELDS), answer]
    said = [each if each is None or isinstance(each, str) else _encode(each) for each in values]
    return hmac.digest(key, _encode(said).encode(), "sha256").hex()
