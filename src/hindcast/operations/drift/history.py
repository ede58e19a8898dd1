"""Former checks, as the ledger has them: what moved in the window before, and for how long."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hindcast.errors import NotFoundError
from hindcast.instants import instant
from hindcast.operations.drift.findings import Period, Subject
from hindcast.operations.drift.policy import Streaks
from hindcast.stores.ledger import Ledger, Run

KIND = "drift"
LOOKED_AT = 500
# Windows that share more than this of their length are one window, looked at twice.
OVERLAP = 0.1


@dataclass(frozen=True)
class FormerCheck:
    """A former check of a model. findings, measures and page as the run's outputs have them."""

    run: str
    release: str
    window: Period
    findings: Sequence[Mapping[str, Any]]
    measures: Mapping[str, Mapping[str, float]]
    page: str


def checks(ledger: Ledger, model: str) -> list[FormerCheck]:
    """The newest checks of a model that ended well, the newest first."""
    return [_check(run) for run in ledger.runs(KIND, "succeeded", LOOKED_AT, model)]


def check(ledger: Ledger, model: str, run_id: str) -> FormerCheck:
    """One check of a model; raises NotFoundError for any other run."""
    run = ledger.find_run(run_id)
    if (run.kind, run.status, run.parameters.get("model")) != (KIND, "succeeded", model):
        raise NotFoundError(f"run {run_id}: is no check of model '{model}' that ended well")
    return _check(run)


def streaks(former: Sequence[FormerCheck], release: str, window: Period) -> Streaks:
    """What moved in the window before this one, by a check of the same release."""
    return next(
        (_moved(check) for check in former if check.release == release and _leads(check, window)),
        {},
    )


def _leads(check: FormerCheck, window: Period) -> bool:
    """Whether a check's window ends where another begins, or up to one window before it.

    One of quite another length was looked at for another reason.
    """
    gap = (window.since - check.window.until) / window.length
    return -OVERLAP <= gap <= 1 and 0.5 <= check.window.length / window.length <= 2


def _moved(check: FormerCheck) -> dict[Subject, tuple[int, datetime]]:
    return dict(_each(check.findings))


def _each(findings: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Subject, tuple[int, datetime]]]:
    for each in findings:
        subject = tuple(each[key] for key in ("kind", "name", "slice", "population", "statistic"))
        yield subject, (each["windows"], instant(each["since"], "since"))


def _check(run: Run) -> FormerCheck:
    outputs = run.outputs
    return FormerCheck(
        run=run.id,
        release=outputs["release"],
        window=Period(instant(outputs["since"], "since"), instant(outputs["until"], "until")),
        findings=outputs["findings"],
        measures=outputs["measures"],
        page=outputs["page"],
    )
