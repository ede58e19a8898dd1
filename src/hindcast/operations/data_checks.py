"""Whether refreshed features are fit to train on: a small set of checks, each with its limit.

The store checked the table itself before it was swapped in; these look at what came before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from hindcast.bootstrap import Application
from hindcast.errors import InputError
from hindcast.stores.ledger import Run
from hindcast.stores.online import OnlineVersion


@dataclass(frozen=True)
class Limits:
    """What features may be like, compared with the version before.

    rows_left: share of its rows. age_hours: how old at the instant asked for. null_jump: growth of
    a column's share of nulls. quarantined: share of the rows that came in since.
    """

    rows_left: float = 0.8
    age_hours: float = 36.0
    null_jump: float = 0.1
    quarantined: float = 0.05


@dataclass(frozen=True)
class DataCheck:
    """One check, what it found and what is required."""

    name: str
    passed: bool
    found: str
    required: str


@dataclass(frozen=True)
class DataReport:
    """The checks of one materialization, and a line for each that failed."""

    view: str
    materialization: str | None
    passed: bool
    failures: tuple[str, ...]
    checks: tuple[DataCheck, ...]


def limits(given: Mapping[str, Any]) -> Limits:
    """The defaults but for what is given; raises InputError for a limit that does not exist."""
    known = [field.name for field in fields(Limits)]
    for name in given:
        if name not in known:
            raise InputError(f"limit '{name}': there is none; use {', '.join(known)}")
    return Limits(**{name: float(value) for name, value in given.items()})


def check(
    application: Application, view: str | None, asked: datetime, allowed: Limits
) -> DataReport:
    """Check what is online, as a run in the ledger; asked: the instant it is to be of."""
    declared = application.project.view(view).view
    with application.ledger.run("check-data", {"view": declared.name, "asked": asked}) as run:
        swaps = application.store.versions(declared.name)
        before = _before(swaps)
        since = before.swapped_at if before else None
        ingests = _ingests(application.ledger.runs("ingest", "succeeded", None), since)
        own = [one for one in ingests if one.parameters["source"] == declared.source.name]
        report = judge(declared.name, swaps[0] if swaps else None, before, own, asked, allowed)
        run.outputs.update(passed=report.passed, checks=report.checks)
    return report


def judge(
    view: str,
    current: OnlineVersion | None,
    before: OnlineVersion | None,
    ingests: Sequence[Run],
    asked: datetime,
    allowed: Limits,
) -> DataReport:
    """Every check of the current version; before: the other version that it replaced."""
    if current is None:
        checks: tuple[DataCheck, ...] = (
            DataCheck("online version", False, "none", "one; run: hindcast materialize"),
        )
    else:
        checks = (
            _rows(current, before, allowed),
            _age(current, asked, allowed),
            *_nulls(current, before, allowed),
            _quarantine(ingests, allowed),
        )
    failures = tuple(
        f"{check.name}: {check.found}, required: {check.required}"
        for check in checks
        if not check.passed
    )
    run_id = current.run_id if current else None
    return DataReport(view, run_id, not failures, failures, checks)


def _before(swaps: Sequence[OnlineVersion]) -> OnlineVersion | None:
    """The newest swap that was of another materialization than the current one."""
    return next((swap for swap in swaps if swap.run_id != swaps[0].run_id), None)


def _ingests(runs: Sequence[Run], since: datetime | None) -> list[Run]:
    return [run for run in runs if since is None or run.started_at > since]


def _rows(current: OnlineVersion, before: OnlineVersion | None, allowed: Limits) -> DataCheck:
    least = max(1, round(allowed.rows_left * before.rows)) if before else 1
    found = f"{current.rows}" + (f", {before.rows} before" if before else "")
    return DataCheck("rows", current.rows >= least, found, f"at least {least}")


def _age(current: OnlineVersion, asked: datetime, allowed: Limits) -> DataCheck:
    age, most = asked - current.as_of, timedelta(hours=allowed.age_hours)
    found = f"{age} at {asked.isoformat()}"
    return DataCheck("age of features", age <= most, found, f"at most {most}")


def _nulls(
    current: OnlineVersion, before: OnlineVersion | None, allowed: Limits
) -> Iterator[DataCheck]:
    """Columns that lost values, by name; one check that passed where none did."""
    earlier = before.null_rates if before else {}
    bad = [
        (column, rate, earlier.get(column))
        for column, rate in sorted(current.null_rates.items())
        if _lost(rate, earlier.get(column), allowed)
    ]
    required = f"not all, and at most {allowed.null_jump:.1%} more than before"
    for column, rate, was in bad:
        found = f"{rate:.1%}" + (f", {was:.1%} before" if was is not None else "")
        yield DataCheck(f"nulls in '{column}'", False, found, required)
    if not bad:
        yield DataCheck("nulls", True, f"{len(current.null_rates)} columns", required)


def _lost(rate: float, was: float | None, allowed: Limits) -> bool:
    if was is None:
        return rate == 1.0
    return rate - was > allowed.null_jump or (rate == 1.0 and was < 1.0)


def _quarantine(ingests: Sequence[Run], allowed: Limits) -> DataCheck:
    rows = sum(run.outputs["rows"] for run in ingests)
    bad = sum(run.outputs["quarantined"] for run in ingests)
    share = bad / rows if rows else 0.0
    found = f"{share:.1%} ({bad} of {rows} rows that came in)"
    required = f"at most {allowed.quarantined:.1%}"
    return DataCheck("quarantine", share <= allowed.quarantined, found, required)
