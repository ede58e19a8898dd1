"""Whether what is kept is what was written: part by part, with what is damaged named."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hindcast.audit import prediction_log
from hindcast.bootstrap import Application
from hindcast.errors import InputError, ReleaseError
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
    """

    pieces: int
    damage: tuple[str, ...]
    unproven: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class VerificationReport:
    """Part -> how many pieces of it were checked; everything that is wrong, or cannot be told."""

    checked: Mapping[str, int]
    damage: tuple[Discrepancy, ...]
    unproven: Mapping[str, int]


def verify(application: Application, progress: Progress | None = None) -> VerificationReport:
    """Walk every part; raises StoreUnavailableError where one does not answer."""
    checked: dict[str, int] = {}
    damage: list[Discrepancy] = []
    unproven: dict[str, int] = {}
    for part, check in PARTS.items():
        with step(progress or Silent(), f"verify {part}"):
            found = check(application)
        checked[part] = found.pieces
        damage += [Discrepancy(part, what) for what in found.damage]
        unproven |= {f"{part}: {why}": count for why, count in found.unproven.items()}
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
    return Checked(len(records), tuple(_wrong(application, records)))


def _wrong(application: Application, records: Iterable[ReleaseRecord]) -> Iterator[str]:
    # Copies that were verified when they came say nothing of what is kept now.
    with tempfile.TemporaryDirectory(prefix="hindcast-verify-") as copies:
        store = open_store(application.settings.releases, Path(copies))
        for record in records:
            try:
                releases.read(recorded.require(store.fetch(record.release), record.manifest))
            except (InputError, ReleaseError) as error:
                yield str(error)


def _predictions(application: Application) -> Checked:
    """Every collected line, by its tag."""
    keys, found = application.line_keys, Counter[str]()
    damage: list[str] = []
    for row in prediction_log.every(application.lake):
        doubt = prediction_log.doubt(row, keys) or ""
        found[doubt] += 1
        if doubt.startswith(line_tags.FORGED):
            damage.append(f"{row['prediction_id']}: {doubt}")
    unproven = {why: n for why, n in found.items() if why.startswith(line_tags.UNPROVEN)}
    return Checked(found.total(), tuple(damage), unproven)


# What each is called, and what walks it.
PARTS: Mapping[str, Callable[[Application], Checked]] = {
    "ledger": _ledger,
    "releases": _releases,
    "predictions": _predictions,
}
