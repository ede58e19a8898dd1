"""The YAML of a batch: read and checked as a whole, before any data are read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from hindcast.errors import InputError
from hindcast.operations.batch import registry, yaml_file
from hindcast.operations.batch.references import UnshownError
from hindcast.operations.batch.registry import Kind
from hindcast.operations.batch.values import Strict, as_instant
from hindcast.operations.batch.yaml_file import Located

CHUNK_ROWS = 100_000
SHOWN_FAULTS = 20
PARTS: Mapping[Kind, yaml_file.Path] = {
    "model": ("model",),
    "source": ("data", "source"),
    "target": ("data", "target"),
}


class PartConfig(Strict):
    """One part: what it is, and its parameters."""

    type: str
    params: dict[str, Any] = Field(default_factory=dict)


class DataConfig(Strict):
    """Where rows come from and where answers go.

    keep: columns of the source to have beside the answers; by default the keys of the model.
    """

    source: PartConfig
    target: PartConfig
    keep: list[str] | None = None


Instant = Annotated[datetime, BeforeValidator(as_instant)]


class BatchConfig(Strict):
    """A whole batch.

    as_of, known_by: the clocks of features and of the release; without them, now. max_error_share:
    of all rows, how many may have no answer, 0 to 1.
    """

    model: PartConfig
    data: DataConfig
    as_of: Instant | None = None
    known_by: Instant | None = None
    chunk_rows: Annotated[int, Field(ge=1, le=10_000_000)] = CHUNK_ROWS
    engine: Literal["local", "spark"] = "local"
    max_error_share: Annotated[float, Field(ge=0, le=1)] = 0.0

    def part(self, kind: Kind) -> PartConfig:
        """One of its parts."""
        return {"model": self.model, "source": self.data.source, "target": self.data.target}[kind]


@dataclass(frozen=True)
class BatchFile:
    """A checked batch: its settings, each part's parameters, and the text it was read from."""

    name: str
    config: BatchConfig
    params: Mapping[Kind, Any]
    text: str

    def at(self, as_of: datetime | None, known_by: datetime | None) -> "BatchFile":
        """The same with these clocks in place of its own, where they are given."""
        given = {"as_of": as_of, "known_by": known_by}
        changed = {name: value for name, value in given.items() if value is not None}
        return replace(self, config=self.config.model_copy(update=changed))


def read(path: Path) -> BatchFile:
    """Read and check a file; raises InputError with every fault by its path and line."""
    try:
        return parse(path.read_text("utf-8"), path.name)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"{path}: cannot be read: {reason}") from error


def parse(text: str, name: str) -> BatchFile:
    """Check the text of a batch, as read does; name: what messages call it."""
    located = yaml_file.parse(text, name)
    faults = [reason for _, reason in sorted(_faults(located))]
    if faults:
        more = len(faults) - SHOWN_FAULTS
        shown = faults[:SHOWN_FAULTS] + ([f"and {more} more"] if more > 0 else [])
        raise InputError(f"{name}: {'; '.join(shown)}")
    config = BatchConfig.model_validate(located.document)
    return BatchFile(name, config, {kind: _params(config.part(kind), kind) for kind in PARTS}, text)


def _params(part: PartConfig, kind: Kind) -> Any:
    """A part's parameters, as its class declares them."""
    declared = registry.find(kind, part.type).params
    return declared.model_validate(part.params) if declared else part.params


Fault = tuple[int, str]


def _faults(located: Located) -> Iterator[Fault]:
    """Everything that is wrong, and its line: with the file, then with each part."""
    try:
        BatchConfig.model_validate(located.document)
    except ValidationError as error:
        yield from _told(error, (), located, BatchConfig)
    for kind, path in PARTS.items():
        found = _at(located.document, path)
        if isinstance(found, dict) and isinstance(found.get("type"), str):
            yield from _part_faults(kind, found, path, located)


def _part_faults(
    kind: Kind, found: Mapping[str, Any], path: yaml_file.Path, located: Located
) -> Iterator[Fault]:
    try:
        declared = registry.find(kind, found["type"]).params
    except InputError as error:
        yield _fault((*path, "type"), str(error), located)
        return
    given = found.get("params") or {}
    if declared is None or not isinstance(given, dict):
        return
    try:
        declared.model_validate(given)
    except ValidationError as error:
        yield from _told(error, (*path, "params"), located, declared)


def _told(
    error: ValidationError, below: yaml_file.Path, located: Located, model: type[BaseModel]
) -> Iterator[Fault]:
    for each in error.errors():
        path = (*below, *each["loc"])
        yield _fault(path, _reason(each, model), located)


def _reason(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    """What pydantic found, in our words."""
    kind, place = error["type"], error["loc"]
    if kind == "extra_forbidden":
        known = _fields(model, place[:-1])
        return f"is unknown{registry.meant(str(place[-1]), known)}; known are {', '.join(known)}"
    if kind == "missing":
        return "is missing"
    said = str(error["msg"]).removeprefix("Value error, ")
    said = said[0].lower() + said[1:]
    is_unshown = isinstance(error.get("ctx", {}).get("error"), UnshownError)
    if is_unshown or isinstance(error["input"], dict | list):
        return said
    return f"{error['input']!r}: {said}"


def _fields(model: type[BaseModel], place: tuple[Any, ...]) -> list[str]:
    """The fields of a model, or of the model in one of its fields."""
    for name in place:
        field = model.model_fields.get(str(name))
        inner = field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return list(model.model_fields)


def _fault(path: yaml_file.Path, reason: str, located: Located) -> Fault:
    named, line = ".".join(map(str, path)) or "the file", located.line(path)
    return line, f"{named} (line {line}) {reason}"


def _at(document: Any, path: yaml_file.Path) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document
