"""What callers of the control API send: a model for each body and each query."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from hindcast.errors import InputError
from hindcast.instants import instant

MAX_PAGE = 200


def _text(value: str) -> str:
    """Text that Postgres and a command line can hold."""
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("contains a character that text cannot hold")
    return value


def _instant(value: str) -> str:
    try:
        return instant(_text(value), "instant").isoformat()
    except InputError as error:  # Pydantic hears of nothing but ValueErrors.
        raise ValueError(str(error)) from error


Text = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_text)]
Instant = Annotated[
    str,
    Field(
        description="A date, its midnight, or an ISO instant; in UTC unless it says otherwise.",
        examples=["2021-09-17", "2021-09-17T12:00:00Z"],
        max_length=64,
    ),
    AfterValidator(_instant),
]
EngineName = Literal["duckdb", "spark"]


class Body(BaseModel):
    """No other fields than those declared."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Clocks(Body):
    """As of and known by which instant; known_by is as_of where that alone is given."""

    as_of: Instant | None = None
    known_by: Instant | None = None


class IngestJob(Body):
    """Add files to the lake."""

    files: Annotated[list[Text], Field(min_length=1, max_length=1000)]
    source: Text | None = None
    force: bool = False


class MaterializeJob(Clocks):
    """Compute features, of every view by default."""

    view: Text | None = None
    engine: EngineName = "duckdb"
    force: bool = False


class TrainJob(Clocks):
    """Train a model, on labelled events from an instant, until another."""

    model: Text | None = None
    start: Annotated[Instant | None, Field(alias="from")] = None
    until: Instant | None = None
    engine: EngineName = "duckdb"


class EvaluateJob(Clocks):
    """Judge a release, the newest by default, against the champion."""

    model: Text | None = None
    release: Text | None = None
    engine: EngineName = "duckdb"


class BatchJob(Clocks):
    """Score what a YAML file says, as of another instant than it says where one is given."""

    config: Text


class DriftJob(Body):
    """Check a model for drift, or each, in what was served from an instant until another."""

    model: Text | None = None
    start: Annotated[Instant | None, Field(alias="from")] = None
    until: Instant | None = None


class RebuildJob(Clocks):
    """Refresh a model's features, train it, judge it, and promote what passes."""

    model: Text | None = None
    engine: EngineName = "duckdb"


class Nothing(Body):
    """No fields."""


class PromoteBody(Body):
    """Why a release is promoted although its gate refused it."""

    reason: Text | None = None


class RollbackBody(Body):
    """The release to go back from, refused where another is in production."""

    release: Text | None = None


class ScheduleBody(Body):
    """When a job starts by itself, in UTC, and its parameters."""

    cron: Annotated[Text, Field(examples=["0 2 * * *"])]
    paused: bool = False
    parameters: dict[str, Any] = Field(default_factory=dict)


class SubscriptionBody(Body):
    """Where events are posted to, of these types or of all."""

    name: Text
    url: Text
    types: Annotated[list[Text], Field(max_length=20)] = Field(default_factory=list)


class PageQuery(Body):
    """Which page of a list; cursor: the `next` of the one before."""

    cursor: Text | None = None
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50


class RunsQuery(PageQuery):
    """Runs of a kind and status."""

    kind: Text | None = None
    status: (
        Literal[
            "queued", "running", "succeeded", "failed", "cancelled", "interrupted", "unfinished"
        ]
        | None
    ) = None


class ReleasesQuery(PageQuery):
    """Releases of a model."""

    model: Text | None = None


class ModelQuery(Body):
    """The model of a release; needed only where several have it."""

    model: Text | None = None


class LookupBody(Body):
    """Keys and request values by name, as values or as text, and how many answers to tell of."""

    question: dict[str, str | int | float | bool | None]
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 20


class ChecksQuery(Body):
    """How many checks, the newest first."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50
