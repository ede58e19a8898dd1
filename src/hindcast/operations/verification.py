"""Whether what is kept is what was written: part by part, with what is damaged named."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hindcast.bootstrap import Application
from hindcast.telemetry import Progress, Silent, step


@dataclass(frozen=True)
class Discrepancy:
    """Something that is not as it was written; part: of what is kept, such as the ledger."""

    part: str
    what: str


@dataclass(frozen=True)
class Checked:
    """A part that was walked: how many of its pieces, and what is wrong with which."""

    pieces: int
    damage: tuple[str, ...]


@dataclass(frozen=True)
class VerificationReport:
    """Part -> how many pieces of it were checked; and everything that is wrong."""

    checked: Mapping[str, int]
    damage: tuple[Discrepancy, ...]


def verify(application: Application, progress: Progress | None = None) -> VerificationReport:
    """Walk every part; raises StoreUnavailableError where one does not answer."""
    checked: dict[str, int] = {}
    damage: list[Discrepancy] = []
    for part, check in PARTS.items():
        with step(progress or Silent(), f"verify {part}"):
            found = check(application)
        checked[part] = found.pieces
        damage += [Discrepancy(part, what) for what in found.damage]
    return VerificationReport(checked, tuple(damage))


def _ledger(application: Application) -> Checked:
    """Every row, by its chain and by the heads of it that were kept outside the database."""
    chain = application.ledger.chain
    damage = tuple(found.what for found in chain.damage())
    head = chain.head()
    return Checked(head.place if head else 0, damage)


# What each is called, and what walks it.
PARTS: Mapping[str, Callable[[Application], Checked]] = {"ledger": _ledger}
