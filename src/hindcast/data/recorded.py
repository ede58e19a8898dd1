"""Refresh and roll back features as every entry point does."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.data.refresh import Refresher, RefreshReport, refresh, roll_back
from hindcast.engines.base import Engine
from hindcast.telemetry import Progress

if TYPE_CHECKING:
    from hindcast.stores.online import Swap


def materialize(
    application: Application,
    view: str | None,
    engine: Engine,
    clocks: Knowledge,
    *,
    also: Sequence[str] = (),
    force: bool = False,
    progress: Progress | None = None,
) -> RefreshReport:
    """Compute views into the lake and the online store; raises what refresh raises."""
    store, ledger = application.store, application.ledger
    refresher = Refresher(engine, application.lake, store, ledger, clocks, force, progress)
    return refresh(application.project, view, refresher, application.releases, also)


def roll_back_online(application: Application, view: str | None) -> "list[Swap]":
    """Serve the tables before the last refresh; raises what refresh.roll_back raises."""
    store, ledger = application.store, application.ledger
    return roll_back(application.project, view, store, ledger, application.releases)
