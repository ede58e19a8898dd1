"""Whether refreshed features are fit to train on: a small set of checks, each with its limit.

The store compared the table with the one before when it was swapped in; here the same comparison is
made with the stricter limits of training, and what came in is looked at.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from hindcast.bootstrap import Application
from hindcast.data import live
from hindcast.errors import InputError
from hindcast.stores.ledger import Run
from hindcast.stores.online import Swap, ViewVersion
from hindcast.stores.online.likeness import Finding, Likeness, compare


@dataclass(frozen=True)
class Limits(Likeness):
    """How like those before features must be, and what else they may be.

    age_hours: how old at the instant asked for. quarantined: share of the rows that came in since.
    """

    rows_left: float = 0.8
    null_jump: float = 0.1
    age_hours: float = 36.0
    quarantined: float = 0.05


@dataclass(frozen=True)
class ViewReport:
    """The checks of one view's materialization, and a line for each that failed."""

    view: str
    materialization: str | None
    passed: bool
    failures: tuple[str, ...]
    checks: tuple[Finding, ...]


@dataclass(frozen=True)
class DataReport:
    """The reports of several views, and a line for each check that failed, with its view."""

    passed: bool
    failures: tuple[str, ...]
    views: tuple[ViewReport, ...]


def limits(given: Mapping[str, Any]) -> Limits:
    """The defaults but for what is given; raises InputError for a limit that does not exist."""
    known = [field.name for field in fields(Limits)]
    for name in given:
        if name not in known:
            raise InputError(f"limit '{name}': there is none; use {', '.join(known)}")
    return Limits(**{name: float(value) for name, value in given.items()})


def check(
    application: Application,
    views: Sequence[str] | None,
    asked: datetime,
    allowed: Limits,
    with_live: bool = False,
) -> DataReport:
    """Check the features of views, or of all, that are online, each as a run in the ledger.

    asked: the instant they are to be of. with_live: also the other versions that live releases
    read. They matter to who is answered, not to what is trained next, which may be what mends them.
    """
    names = list(application.project.views) if views is None else list(views)
    read = _live_of(application, names) if with_live and names else {}
    reports = tuple(_check(application, name, asked, allowed, read.get(name, {})) for name in names)
    failures = tuple(
        f"feature view '{report.view}': {failure}"
        for report in reports
        for failure in report.failures
    )
    return DataReport(not failures, failures, reports)


def _check(
    application: Application,
    view: str,
    asked: datetime,
    allowed: Limits,
    read: Mapping[str, str],
) -> ViewReport:
    """The checks of one view, and of what else is `read`: by definition hash, its release."""
    compiled = application.project.view(view)
    declared, version = compiled.view, ViewVersion.of(compiled)
    with application.ledger.run("check-data", {"view": declared.name, "asked": asked}) as run:
        swaps = application.store.swaps(version)
        before = _before(swaps)
        since = before.swapped_at if before else None
        ingests = _ingests(application.ledger.runs("ingest", "succeeded", None), since)
        own = [one for one in ingests if one.parameters["source"] == declared.source.name]
        checks = judge(swaps[0] if swaps else None, before, own, asked, allowed)
        checks += tuple(_of_live(application, version, read, asked, allowed))
        report = summarize(declared.name, swaps[0] if swaps else None, checks)
        run.outputs.update(passed=report.passed, checks=report.checks)
    return report


def _live_of(application: Application, checked: Sequence[str]) -> dict[str, dict[str, str]]:
    """View that is checked -> definition hash that a live release reads -> that release.

    A view that the project dropped goes with the first.
    """
    found: dict[str, dict[str, str]] = {}
    for record in live.releases(application.ledger):
        for view, digest in record.manifest.get("views", {}).items():
            owner = view if view in application.project.views else checked[0]
            found.setdefault(owner, {})[digest] = record.release
    return found


def _of_live(
    application: Application,
    own: ViewVersion,
    read: Mapping[str, str],
    asked: datetime,
    allowed: Limits,
) -> Iterator[Finding]:
    """The checks of the versions that live releases read, but for the declared one."""
    online = {of.definition_hash: of for of in application.store.materialized()}
    for definition_hash, release in read.items():
        version = online.get(definition_hash)
        if version is None:
            found = "not online", "online; run: hindcast materialize"
            yield Finding(f"features of release {release}", False, *found)
        elif version != own:
            swaps = application.store.swaps(version)
            for each in judge(swaps[0], _before(swaps), (), asked, allowed):
                yield replace(each, name=f"{each.name}, for release {release}")


def judge(
    current: Swap | None,
    before: Swap | None,
    ingests: Sequence[Run],
    asked: datetime,
    allowed: Limits,
) -> tuple[Finding, ...]:
    """Every check of what is online now; before: the other table that it replaced."""
    if current is None:
        return (Finding("online version", False, "none", "one; run: hindcast materialize"),)
    return (
        *compare(current, before, allowed),
        _age(current, asked, allowed),
        _quarantine(ingests, allowed),
    )


def summarize(view: str, current: Swap | None, checks: tuple[Finding, ...]) -> ViewReport:
    """What the checks of a view come to."""
    failures = tuple(str(check) for check in checks if not check.passed)
    run_id = current.run_id if current else None
    return ViewReport(view, run_id, not failures, failures, checks)


def _before(swaps: Sequence[Swap]) -> Swap | None:
    """The newest swap that was of another materialization than the current one."""
    return next((swap for swap in swaps if swap.run_id != swaps[0].run_id), None)


def _ingests(runs: Sequence[Run], since: datetime | None) -> list[Run]:
    return [run for run in runs if since is None or run.started_at > since]


def _age(current: Swap, asked: datetime, allowed: Limits) -> Finding:
    age, most = asked - current.as_of, timedelta(hours=allowed.age_hours)
    found = f"{age} at {asked.isoformat()}"
    return Finding("age of features", age <= most, found, f"at most {most}")


def _quarantine(ingests: Sequence[Run], allowed: Limits) -> Finding:
    rows = sum(run.outputs["rows"] for run in ingests)
    bad = sum(run.outputs["quarantined"] for run in ingests)
    share = bad / rows if rows else 0.0
    found = f"{share:.1%} ({bad} of {rows} rows that came in)"
    required = f"at most {allowed.quarantined:.1%}"
    return Finding("quarantine", share <= allowed.quarantined, found, required)
