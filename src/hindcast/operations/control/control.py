"""What the control API acts on, and the calls that it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import BaseModel

from hindcast.bootstrap import Application
from hindcast.operations.control.access import Caller
from hindcast.operations.control.bodies import Body, Nothing
from hindcast.operations.control.documents import PromotionDocument
from hindcast.operations.control.jobs import Runner
from hindcast.operations.control.schedules import Schedules


class Promoter(Protocol):
    """Puts releases into production, by whoever calls; unique: the same for the same call."""

    def promote(
        self, model: str, release: str, reason: str | None, by: str, unique: str
    ) -> PromotionDocument:
        """Promote a release; reason: why, although its gate refused it."""

    def roll_back(self, model: str, release: str | None, by: str, unique: str) -> PromotionDocument:
        """Bring back the release before this one, which is in production; by default any."""


def _nothing() -> None:
    """Predictions are collected elsewhere."""


@dataclass(frozen=True)
class Control:
    """One project with what does its jobs, starts them by itself, and promotes its releases.

    collect: lets the lake have what was answered until now, where that is not done elsewhere.
    """

    application: Application
    runner: Runner
    schedules: Schedules
    promoter: Promoter
    collect: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Call:
    """One call, checked; target: its path, path: the values in it by name.

    raw: the body as it was sent. key: makes the call one with its repetitions.
    """

    caller: Caller
    target: str
    path: Mapping[str, str] = field(default_factory=dict)
    query: Body = field(default_factory=Nothing)
    body: Body = field(default_factory=Nothing)
    raw: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None


@dataclass(frozen=True)
class Reply:
    """What a call is answered with; location: of what it made. secret: fields told only once."""

    document: BaseModel
    location: str | None = None
    secret: frozenset[str] = frozenset()
