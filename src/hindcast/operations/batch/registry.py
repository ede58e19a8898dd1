"""Which classes the types of a batch's YAML are: built in, of an entry point, or a user's own."""

import difflib
import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Literal

from pydantic import BaseModel

from hindcast.errors import InputError, first_line

Kind = Literal["model", "source", "target"]
ENTRY_POINTS = "hindcast.batch"
_HERE = "hindcast.operations.batch"

# Type -> where its class is; imported when a batch names it.
BUILT_IN: Mapping[Kind, Mapping[str, str]] = {
    "model": {
        "release": f"{_HERE}.models.release:ReleaseModel",
        "onnx": f"{_HERE}.models.onnx:OnnxModel",
        "mlflow": f"{_HERE}.models.mlflow:MlflowModel",
    },
    "source": {
        "local_file": f"{_HERE}.sources.files:LocalFiles",
        "s3": f"{_HERE}.sources.files:S3Files",
        "delta": f"{_HERE}.sources.delta:DeltaSource",
        "sql": f"{_HERE}.sources.sql:SqlSource",
        "online_store": f"{_HERE}.sources.online:OnlineKeys",
        "spine": f"{_HERE}.sources.spine:SpineFile",
    },
    "target": {
        "local_file": f"{_HERE}.targets.files:LocalTarget",
        "s3": f"{_HERE}.targets.files:S3Target",
        "delta": f"{_HERE}.targets.delta:DeltaTarget",
        "sql": f"{_HERE}.targets.sql:SqlTarget",
        "events": f"{_HERE}.targets.events:EventsTarget",
    },
}
# What a class must have to be made at all: a type may name any class that can be imported.
_METHODS: Mapping[Kind, str] = {"model": "score", "source": "tables", "target": "write"}


@dataclass(frozen=True)
class PartType:
    """A class of parts; params: the pydantic model of its parameters, None where it declares none.

    make: params, PartContext -> the part; a target's also takes what is kept as keys.
    """

    name: str
    make: Callable[..., Any]
    params: type[BaseModel] | None


def find(kind: Kind, name: str) -> PartType:
    """The class of a type; raises InputError for one that there is not, or cannot be imported."""
    place = BUILT_IN[kind].get(name) or _declared(kind).get(name)
    if place is None and ":" in name:
        place = name
    if place is None:
        known = [*BUILT_IN[kind], *_declared(kind)]
        raise InputError(
            f"'{name}' is not one of {', '.join(known)}, nor package.module:Class"
            f"{meant(name, known)}"
        )
    made = _imported(place, kind)
    params = getattr(made, "Params", None)
    return PartType(name, made, params)


def meant(name: str, known: Iterable[str]) -> str:
    """A question after a name that is unknown, where one is close to it."""
    close = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


def _declared(kind: Kind) -> dict[str, str]:
    """Types of installed packages: entry points such as hindcast.batch.source."""
    return {each.name: each.value for each in entry_points(group=f"{ENTRY_POINTS}.{kind}")}


def _imported(place: str, kind: Kind) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    try:
        found = getattr(importlib.import_module(module), name)
    # A user's module may raise anything.
    except Exception as error:
        raise InputError(
            f"'{place}' cannot be imported: {type(error).__name__}: {first_line(error)}"
        ) from error
    if not (isinstance(found, type) and hasattr(found, _METHODS[kind])):
        raise InputError(f"'{place}' is no {kind}: a class with the method {_METHODS[kind]}")
    return found
