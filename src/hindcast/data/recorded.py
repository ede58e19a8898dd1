"""Materialize as every entry point runs it: a run in the ledger."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.data.materialize import MaterializeReport
from hindcast.data.materialize import materialize as compute
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
    force: bool = False,
    progress: Progress | None = None,
) -> MaterializeReport:
    """Compute a view into the lake and the online store; raises what materialize raises.

    The run's id in the ledger is the materialization's, so that an answer leads to what was known.
    """
    compiled = application.project.view(view)
    parameters = {"view": compiled.view.name, "engine": engine.name, **asdict(clocks)}
    with application.ledger.run("materialize", parameters) as run:
        report = compute(
            compiled, engine, application.lake, application.store, clocks,
            run_id=run.id, force=force, progress=progress,
        )  # fmt: skip
        run.inputs[f"{names.RAW}/{compiled.view.source.name}"] = {"version": report.raw_version}
        run.outputs.update(asdict(report))
    return report


def roll_back_online(application: Application, view: str | None) -> "Swap":
    """Serve the table of a view before the current one; raises what OnlineStore.rollback does."""
    from hindcast.stores.online import ViewVersion

    version = ViewVersion.of(application.project.view(view))
    with application.ledger.run("materialize", {"view": version.view, "rollback": True}) as run:
        swap = application.store.rollback(version)
        run.outputs.update(run_id=swap.run_id, swap=swap.swap)
    return swap
