"""Jobs: which there are, what each takes, and who does them."""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from pydantic import ValidationError

from hindcast.definitions import Source
from hindcast.errors import InputError
from hindcast.operations.control import bodies
from hindcast.operations.control.bodies import Body, Clocks
from hindcast.project import Project
from hindcast.serving.requests import RequestError
from hindcast.stores.ledger import Job

# Command -> what its job takes.
COMMANDS: dict[str, type[Body]] = {
    "ingest": bodies.IngestJob,
    "materialize": bodies.MaterializeJob,
    "train": bodies.TrainJob,
    "evaluate": bodies.EvaluateJob,
    "batch": bodies.BatchJob,
    "drift": bodies.DriftJob,
    "rebuild": bodies.RebuildJob,
}
ID_CHARACTERS = 12
Checked = TypeVar("Checked", bound=Body)
Found = TypeVar("Found")


@dataclass(frozen=True)
class Observed:
    """What is seen of a job that works: its last step, and the last lines of its log."""

    progress: str | None = None
    log: tuple[str, ...] = ()


class Runner(Protocol):
    """Does jobs, and records in the ledger when each starts and how it ends."""

    @property
    def name(self) -> str:
        """Whose jobs it does; the ledger keeps it with each."""

    def run_id(self, command: str, parameters: Mapping[str, Any], unique: str) -> str:
        """The id of a job's run, ending in a text that no other job has."""

    def submit(self, job: Job) -> None:
        """Do a job that the ledger has, at once or when others have ended."""

    def cancel(self, job: Job, reason: str) -> None:
        """End a job that has not ended; it is recorded as cancelled for this reason."""

    def observe(self, job: Job) -> Observed:
        """What is seen of a job now; records its end, if nobody else could."""


def parameters(command: str, given: Mapping[str, Any], project: Project) -> dict[str, Any]:
    """What is given to a job, checked and complete; raises RequestError naming the field.

    Where as_of is given alone, the job knows what was recorded by then, if all sources that it
    reads say when their records were recorded; else all records.
    """
    body = validated(COMMANDS[command], given)
    found = body.model_dump(by_alias=True, exclude_defaults=True)
    sources = _sources(body, project)
    is_open = isinstance(body, Clocks) and body.as_of and body.known_by is None
    if is_open and sources and all(source.recorded_at is not None for source in sources):
        found["known_by"] = found["as_of"]
    return found


def validated(model: type[Checked], given: Any) -> Checked:
    """What was sent as its model; raises RequestError 422 naming the first field that is wrong."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "body"
        message = first["msg"].removeprefix("Value error, ")
        raise RequestError(422, field, message[:1].lower() + message[1:]) from error


def unique_text(by: str, key: str | None) -> str:
    """What a job's id ends in: of a caller's key always the same, else never the same."""
    if key is None:
        return uuid.uuid4().hex[:ID_CHARACTERS]
    return hashlib.sha256(f"{by}\0{key}".encode()).hexdigest()[:ID_CHARACTERS]


def command_of(job: str) -> str:
    """The command of a job's name, which may say after a dot which one it is; RequestError."""
    if not job.isprintable():
        raise RequestError(404, "job", "is none")
    return known_command(job.partition(".")[0])


def known_command(command: str) -> str:
    """The command itself; RequestError where there is none."""
    if command not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise RequestError(404, "job", f"there is no job '{command}'; known are {known}")
    return command


def _sources(body: Body, project: Project) -> list[Source]:
    """What a job reads or adds to; RequestError for what the project does not declare."""
    if isinstance(body, bodies.IngestJob):
        return [_declared("source", project.source, body.source)] if body.source else []
    if isinstance(body, bodies.MaterializeJob):
        if body.view is None:
            return [view.source for view in project.declared.values()]
        return [_declared("view", project.view, body.view).view.source]
    if isinstance(body, bodies.BatchJob):
        return []  # Which they are stands in the file.
    name, release = getattr(body, "model", None), getattr(body, "release", None)
    if isinstance(body, bodies.DriftJob) and name is None:
        return []
    model = _declared(
        "model", lambda name: project.model(project.model_name(name, release or "")), name
    )
    views = [view.source for view in model.service.views]
    return [*views, model.events, project.source(model.target.source)]


def _declared(field: str, find: Callable[[str | None], Found], name: str | None) -> Found:
    """What the project declares under a name, by default the only one; raises RequestError."""
    try:
        return find(name)
    except InputError as error:
        raise RequestError(422, field, str(error)) from error
