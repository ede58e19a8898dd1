"""What the ledger answers with, and the release that a rollback goes back to."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

Action = Literal["promote", "rollback"]
Status = Literal["succeeded", "failed", "interrupted", "unfinished"]
Ending = Literal["succeeded", "failed", "cancelled", "interrupted"]
WorkStatus = Literal[
    "queued", "running", "succeeded", "failed", "cancelled", "interrupted", "unfinished"
]
EventType = Literal[
    "RunFinished",
    "RunFailed",
    "ReleaseReady",
    "GateRefused",
    "Promoted",
    "RolledBack",
    "DriftDetected",
    "PredictionsReady",
    "FeaturesRefreshed",
]
# A delivery that failed is tried again when it is due; a dead one only when it is resent.
Outcome = Literal["delivered", "failed", "dead", "resent"]


@dataclass(frozen=True)
class Run:
    """One piece of work; unfinished while it goes on, interrupted where its process was ended."""

    id: str
    kind: str
    status: Status
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    started_at: datetime
    seconds: float | None
    error: str | None
    by: str | None = None


@dataclass(frozen=True)
class Job:
    """A command that somebody asked for; its run has its id. retries: the job that it repeats.

    runner: who starts it. pid: its process, where one of this machine runs it.
    """

    id: str
    command: str
    parameters: Mapping[str, Any]
    runner: str
    by: str
    retries: str | None
    requested_at: datetime
    pid: int | None
    status: WorkStatus


@dataclass(frozen=True)
class Work:
    """A run, a job, or both under one id; what is no job has no runner.

    parameters: of the run, before it began those of the job.
    """

    id: str
    kind: str
    status: WorkStatus
    parameters: Mapping[str, Any]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    requested_at: datetime
    started_at: datetime | None
    seconds: float | None
    error: str | None
    by: str | None
    runner: str | None
    retries: str | None


@dataclass(frozen=True)
class JobSchedule:
    """When a job starts by itself, in UTC; its name is the command, or command.name."""

    name: str
    cron: str
    paused: bool
    parameters: Mapping[str, Any]
    by: str
    changed_at: datetime


@dataclass(frozen=True)
class KeptAnswer:
    """What a call with a key was answered; digest: of the call."""

    digest: str
    status: int
    answer: Mapping[str, Any]


@dataclass(frozen=True)
class ReleaseRecord:
    """A release folder, where it lies, and its version: 1, 2, 3... of its model."""

    model: str
    version: int
    release: str
    location: str
    manifest: Mapping[str, Any]
    metrics: Mapping[str, Any]
    run_id: str | None
    created_at: datetime


@dataclass(frozen=True)
class Evaluation:
    """A challenger held against the champion of its time, if there was one."""

    number: int
    model: str
    challenger: str
    champion: str | None
    passed: bool
    verdict: Mapping[str, Any]
    as_of: datetime
    known_by: datetime
    run_id: str | None
    evaluated_at: datetime


@dataclass(frozen=True)
class Promotion:
    """A release going into production after the promotion that it follows."""

    number: int
    model: str
    release: str
    action: Action
    follows: int | None
    forced: bool
    reason: str | None
    evaluation: int | None
    by: str
    promoted_at: datetime


@dataclass(frozen=True)
class Event:
    """What happened to a model, a view or a run, as others are told; its id is for ever."""

    number: int
    id: str
    type: EventType
    subject: str
    data: Mapping[str, Any]
    occurred_at: datetime


@dataclass(frozen=True)
class Delivery:
    """An attempt to hand an event (its number) to a sink, or the wish to try again."""

    number: int
    event: int
    sink: str
    outcome: Outcome
    attempt: int
    error: str | None
    due_at: datetime | None
    attempted_at: datetime


@dataclass(frozen=True)
class Subscription:
    """A URL that events of these types are posted to; no types: all of them."""

    name: str
    url: str
    types: Sequence[EventType]
    by: str
    changed_at: datetime


@dataclass(frozen=True)
class Head:
    """A place in the chain, and the digest that stands for its entry and all before it."""

    place: int
    head: str


@dataclass(frozen=True)
class Damage:
    """A row or an entry that is not as it was written; place: in the chain, if it has one."""

    place: int | None
    what: str


def previous(promotions: Iterable[Promotion]) -> str | None:
    """The release that a rollback of a model goes back to; None if there is none.

    promotions: all of one model's, in any order. A rollback leaves what it abandoned out for
    good: after promoting a, b, c, rolling back and promoting d, the way back is d, b, a.
    """
    stack: list[str] = []
    for promotion in sorted(promotions, key=lambda promotion: promotion.number):
        if promotion.action == "rollback" and promotion.release in stack:
            while stack[-1] != promotion.release:
                stack.pop()
        # Promoting what is in production already gives no release to go back to.
        elif stack[-1:] != [promotion.release]:
            stack.append(promotion.release)
    return stack[-2] if len(stack) > 1 else None
