"""What the control API answers with: a model for each document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, RootModel

from hindcast.operations.catalogue import Catalogue
from hindcast.operations.lookup import Lookup

Status = Literal[
    "queued", "running", "succeeded", "failed", "cancelled", "interrupted", "unfinished"
]


class ErrorDetail(BaseModel):
    """What is wrong, with which field, header or part of the path, if with one."""

    field: str | None
    message: str


class ErrorDocument(BaseModel):
    """A refusal."""

    error: ErrorDetail


class RunSummary(BaseModel):
    """A run; unfinished: of a command that still works.

    url: where it is told in full. seconds: how long it took. by: who asked for it. retries: the
    run that it repeats.
    """

    id: str
    url: str
    kind: str
    status: Status
    parameters: Mapping[str, Any]
    requested_at: datetime
    started_at: datetime | None
    seconds: float | None
    error: str | None
    by: str | None
    retries: str | None


class RunDocument(RunSummary):
    """A run in full; progress: its last step, where it tells. log: its last lines."""

    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    progress: str | None
    log: Sequence[str]


class RunsPage(BaseModel):
    """Runs, the newest first; next: the cursor of the page after this, if there is one."""

    runs: Sequence[RunSummary]
    next: str | None


class ReleaseSummary(BaseModel):
    """A release, its state, and what it is worth on its holdout."""

    model: str
    release: str
    version: int
    state: str
    worth: str
    trained_as_of: datetime
    created_at: datetime
    run_id: str | None


class ReleaseDocument(ReleaseSummary):
    """A release with what it was made from, and its metrics."""

    location: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]


class ReleasesPage(BaseModel):
    """Releases, the newest first; next: the cursor of the page after this, if there is one."""

    releases: Sequence[ReleaseSummary]
    next: str | None


class CanaryState(BaseModel):
    """A release that answers a share of the traffic."""

    release: str
    percent: float


class ModelState(BaseModel):
    """What is in production of a model, and what is newer."""

    champion: str | None
    since: datetime | None
    challenger: str | None
    canary: CanaryState | None
    releases: int


class ViewState(BaseModel):
    """As of when a view's online rows are, and how many there are."""

    as_of: datetime | None
    age_seconds: float | None
    rows: int
    materialization: str | None
    swapped_at: datetime | None


class FailureState(BaseModel):
    """A run that failed."""

    run: str
    kind: str
    started_at: datetime
    error: str


class StatusDocument(BaseModel):
    """How models and views stand, by name, and the latest failures."""

    models: Mapping[str, ModelState]
    features: Mapping[str, ViewState]
    failures: Sequence[FailureState]


class PromotionDocument(BaseModel):
    """The release in production; run: the rebuild that brings it there, where one is under way."""

    model: str
    release: str
    action: Literal["promote", "rollback"]
    by: str
    promoted_at: datetime | None
    run: str | None


class ScheduleDocument(BaseModel):
    """When a job starts by itself, and next; none while paused."""

    job: str
    cron: str
    paused: bool
    parameters: Mapping[str, Any]
    by: str | None
    next_at: datetime | None


class SchedulesDocument(BaseModel):
    """Every schedule."""

    schedules: Sequence[ScheduleDocument]


class SubscriptionDocument(BaseModel):
    """A subscription; secret: its events are signed with it, told only when it is made."""

    name: str
    url: str
    types: Sequence[str]
    by: str | None
    secret: str | None = None


class SubscriptionsDocument(BaseModel):
    """Every subscription."""

    subscriptions: Sequence[SubscriptionDocument]


class CatalogueDocument(RootModel[Catalogue]):
    """Everything that is declared."""


class LookupDocument(RootModel[Lookup]):
    """One entity."""


class ReplayedValue(BaseModel):
    """A value as it was answered and as it is computed again; missing: one side has none."""

    name: str
    logged: Any
    recomputed: Any
    outcome: Literal["match", "mismatch", "missing"]


class ReplayDocument(BaseModel):
    """An answer that was computed again; matches: whether every bit is the same, and proven.

    doubt: why its line is not proven to be the deployment's own.
    """

    prediction_id: str
    release: str
    instant: str
    values: Sequence[ReplayedValue]
    doubt: str | None
    matches: bool


class PageDocument(BaseModel):
    """A page of its own: a release's card, or what a check for drift found."""

    html: str


class DriftCheck(BaseModel):
    """One check: what moved in a window, and the stability index of each column by population.

    page: the address of its HTML page.
    """

    run: str
    release: str
    since: datetime
    until: datetime
    findings: Sequence[Mapping[str, Any]]
    measures: Mapping[str, Mapping[str, float]]
    page: str


class DriftDocument(BaseModel):
    """A model's checks, the newest first; limit: from where on its stability index is drift."""

    model: str
    limit: float
    checks: Sequence[DriftCheck]
