"""Go on from copies of lake, releases and ledger, which were made apart and each to its own moment.

What one copy has and another lacks is said, and brought to where all go on together.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.errors import DamagedError, InputError
from hindcast.models.registry import moved_artifacts
from hindcast.operations import lake_verification, verification
from hindcast.serving.release import short
from hindcast.stores.integrity import Mended, mend
from hindcast.stores.ledger import ReleaseRecord
from hindcast.stores.ledger.heads import Heads, open_heads
from hindcast.stores.ledger.records import Head
from hindcast.telemetry import Progress, Silent, step

RECOVER = "recover"
_HEADS, _PLACE = "heads", "place"


@dataclass(frozen=True)
class RecoveryReport:
    """Where the ledger ends, what is lost by part, and what is there that the ledger did not know.

    tables: how many tables of the lake there are; releases: how many are whole; moved: addresses
    in MLflow that now lead to this place's releases.
    """

    place: int
    ended_at: datetime | None
    tables: int
    releases: int
    moved: int
    lost: tuple[str, ...] = ()
    added: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """One line of what is lost."""
        return "; ".join(self.lost) or "nothing that the ledger or its kept heads know of is lost"


@dataclass
class _Found:
    lost: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)


def recover(
    application: Application, heads: str, progress: Progress | None = None
) -> RecoveryReport:
    """Hold the copies against each other, and go on from there, as a run in the ledger.

    heads: the folder or s3:// URI where heads of the lost place's ledger were kept. Again changes
    nothing more. Raises InputError for heads that cannot be those, DamagedError for what is
    changed and not only late, StoreUnavailableError where a part does not answer.
    """
    shown = progress or Silent()
    before, found = _heads_before(application, heads), _Found()
    with step(shown, "recover ledger"):
        place = _begin(application, before, found)
    ended_at = application.ledger.chain.ended_at()
    with application.ledger.run(RECOVER, {_HEADS: before.place, _PLACE: place}) as run:
        with step(shown, "recover lake"):
            tables = sum(1 for _ in _lake(application, found))
        with step(shown, "recover releases"):
            releases = _releases(application, found)
            moved = moved_artifacts.move(application.database_url, application.settings.releases)
        run.outputs.update(lost=found.lost, added=found.added, moved=moved)
    lost, added = tuple(found.lost), tuple(found.added)
    return RecoveryReport(place, ended_at, tables, releases, moved, lost, added)


def _heads_before(application: Application, place: str) -> Heads:
    before, own = open_heads(place), application.settings.ledger_heads
    if own and open_heads(own).place == before.place:
        raise InputError(
            f"{before.place}: those are this ledger's own heads; set {names.ENV_LEDGER_HEADS} to "
            "another place, as heads of what is lost stay where they are"
        )
    return before


def _begin(application: Application, before: Heads, found: _Found) -> int:
    """The place that the restored ledger ended at, which is proven up to there."""
    chain, kept = application.ledger.chain, before.kept()
    if not kept:
        raise InputError(f"{before.place}: no head was ever kept there; name where they were kept")
    place = _restored_to(application, before)
    if wrong := chain.damage([head for head in kept if head.place <= place]):
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise DamagedError(
            f"the restored ledger is not the one that was kept: {wrong[0].what}{more}"
        )
    newest = max(kept, key=lambda head: head.place)
    if newest.place > place:
        found.lost.append(
            f"ledger: it ends at place {place:,}, and a head was kept of place {newest.place:,}: "
            f"{newest.place - place:,} entries"
        )
    _keep_newest(application, kept, place)
    return place


def _restored_to(application: Application, before: Heads) -> int:
    """Where the ledger ended when it was restored, also where this was begun before."""
    for run in application.ledger.runs(RECOVER):
        if run.parameters[_HEADS] == before.place:
            return int(run.parameters[_PLACE])
    head = application.ledger.chain.head()
    return head.place if head else 0


def _keep_newest(application: Application, kept: Sequence[Head], place: int) -> None:
    """The newest head that both know, among this ledger's own: it stands for all before it."""
    known = [head for head in kept if head.place <= place]
    if known and application.settings.ledger_heads:
        newest = max(known, key=lambda head: head.place)
        open_heads(application.settings.ledger_heads).keep(newest)


def _lake(application: Application, found: _Found) -> Iterator[Mended]:
    integrity = application.lake.integrity
    assert integrity is not None, "an application's lake has one"
    for name in lake_verification.tables(application):
        mended = mend(integrity, name, RECOVER)
        found.lost += [_lost(mended)] if mended.lost else []
        found.lost += [f"{name}: {line}" for line in _unfinished(mended)]
        if mended.added:
            found.added.append(
                f"{name}: {_versions(mended.added)}, which the ledger did not know, kept"
            )
        if mended.version >= 0:
            yield mended


def _lost(mended: Mended) -> str:
    commits = mended.lost
    rows = sum(each.rows or 0 for each in commits)
    first = min(commits, key=lambda each: each.version)
    by = f" by {first.kind} {first.run_id}" if first.run_id else ""
    since = first.recorded_at.isoformat(timespec="seconds")
    versions = _versions([each.version for each in commits])
    return f"{mended.table}: {versions} with {rows:,} rows, recorded since {since}{by}"


def _unfinished(mended: Mended) -> Iterator[str]:
    """Of commits that the ledger did not know either, as it ends before them."""
    if versions := mended.incomplete:
        yield f"{_versions(versions)}, of which not every file is here, set aside"


def _versions(versions: Sequence[int]) -> str:
    first, last = min(versions), max(versions)
    return f"version {first}" if first == last else f"versions {first} to {last}"


def _releases(application: Application, found: _Found) -> int:
    """How many of the ledger's releases are here whole."""
    records = application.ledger.releases()
    wrong = [each for each in records if _is_wrong(application, each)]
    found.lost += [f"release {short(each.release)}{_serves(application, each)}" for each in wrong]
    known = {each.release for each in records}
    more = [each for each in application.releases.names() if each not in known]
    found.added += [f"release {short(each)}, which the ledger did not know" for each in more]
    return len(records) - len(wrong)


def _is_wrong(application: Application, record: ReleaseRecord) -> bool:
    return verification.wrong(application.settings.releases, record) is not None


def _serves(application: Application, record: ReleaseRecord) -> str:
    champion = application.ledger.champion(record.model)
    is_champion = champion is not None and champion.release == record.release
    return ", the one in production: promote another" if is_champion else ""
