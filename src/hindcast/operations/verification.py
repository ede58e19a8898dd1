"""Whether what is kept is what was written: part by part, with what is damaged named."""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hindcast.audit import prediction_log
from hindcast.bootstrap import Application
from hindcast.errors import DamagedError, InputError, ReleaseError
from hindcast.operations import lake_verification
from hindcast.operations.lake_verification import VERIFY, WHOLE
from hindcast.releases import recorded
from hindcast.releases.store import open_store
from hindcast.serving import line_tags
from hindcast.serving import release as releases
from hindcast.stores.ledger import ReleaseRecord
from hindcast.telemetry import Progress, Silent, step


@dataclass(frozen=True)
class Discrepancy:
    """Something that is not as it was written; part: of what is kept, such as the ledger."""

    part: str
    what: str


@dataclass(frozen=True)
class Checked:
    """A part that was walked: how many of its pieces, and what is wrong with which.

    unproven: why nothing can be said of others, and how many these are.
    whole: table of the lake -> the version up to which all of it is as it was written.
    """

    pieces: int
    damage: tuple[str, ...]
    unproven: Mapping[str, int] = field(default_factory=dict)
    whole: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class VerificationReport:
    """Part -> how many pieces of it were checked; everything that is wrong, or cannot be told."""

    checked: Mapping[str, int]
    damage: tuple[Discrepancy, ...]
    unproven: Mapping[str, int]


def verify(
    application: Application, parts: Sequence[str] = (), progress: Progress | None = None
) -> VerificationReport:
    """Walk parts, by default all, as a run in the ledger by which a later one says since when.

    Raises InputError for a part that there is not, and StoreUnavailableError where one does
    not answer.
    """
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        raise InputError(f"part '{unknown[0]}': use some of {', '.join(PARTS)}")
    checked: dict[str, int] = {}
    damage: list[Discrepancy] = []
    unproven: dict[str, int] = {}
    with application.ledger.run(VERIFY, {}) as run:
        for part in parts or PARTS:
            with step(progress or Silent(), f"verify {part}"):
                found = PARTS[part](application)
            checked[part] = found.pieces
            damage += [Discrepancy(part, what) for what in found.damage]
            unproven |= {f"{part}: {why}": count for why, count in found.unproven.items()}
            run.outputs.setdefault(WHOLE, {}).update(found.whole)
        run.outputs.update(checked=checked, damage=[each.what for each in damage])
    return VerificationReport(checked, tuple(damage), unproven)


def _ledger(application: Application) -> Checked:
    """Every row, by its chain and by the heads of it that were kept outside the database."""
    chain = application.ledger.chain
    damage = tuple(found.what for found in chain.damage())
    head = chain.head()
    return Checked(head.place if head else 0, damage)


def _releases(application: Application) -> Checked:
    """Every file of every release, against the digests and the manifest in the ledger."""
    records = application.ledger.releases()
    damage = [wrong(application.settings.releases, record) for record in records]
    return Checked(len(records), tuple(filter(None, damage)))


def wrong(place: str, record: ReleaseRecord) -> str | None:
    """What is wrong with a release where releases are kept; None where it is as it was recorded."""
    # A copy that was verified when it came says nothing of what is kept now.
    with tempfile.TemporaryDirectory(prefix="hindcast-verify-") as copies:
        try:
            found = open_store(place, Path(copies)).fetch(record.release)
            releases.read(recorded.require(found, record.manifest))
        except (InputError, ReleaseError) as error:
            return str(error)
    return None


def _predictions(application: Application) -> Checked:
    """Every collected line, by its tag."""
    keys, found = application.line_keys, Counter[str]()
    damage: list[str] = []
    try:
        for row in prediction_log.every(application.lake):
            doubt = prediction_log.doubt(row, keys) or ""
            found[doubt] += 1
            if doubt.startswith(line_tags.FORGED):
                damage.append(f"{row['prediction_id']}: {doubt}")
    except DamagedError as error:
        damage.append(str(error))
    unproven = {why: n for why, n in found.items() if why.startswith(line_tags.UNPROVEN)}
    return Checked(found.total(), tuple(damage), unproven)


def _lake(application: Application) -> Checked:
    """Every commit of every table, by the digests of its log entry and of each file it added."""
    verified = application.ledger.runs(VERIFY, "succeeded")
    reports = list(lake_verification.examined(application))
    damage = [line for each in reports for line in lake_verification.lines(each, verified)]
    unproven = {
        f"{each.table} was {each.unverified}; hindcast verify --adopt {each.table}": 1
        for each in reports
        if each.unverified
    }
    whole = {r.table: r.version for r in reports if not (r.damages or r.unverified)}
    pieces = sum(each.commits + each.files for each in reports)
    return Checked(pieces, tuple(damage), unproven, whole)


# What a function has the time to walk daily.
QUICK = ("ledger", "releases")
# What each is called, and what walks it.
PARTS: Mapping[str, Callable[[Application], Checked]] = {
    "ledger": _ledger,
    "releases": _releases,
    "lake": _lake,
    "predictions": _predictions,
}
