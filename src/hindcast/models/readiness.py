"""Whether the online store has what a release reads, about as fresh as what it replaces."""

from datetime import timedelta

from hindcast.errors import GateError
from hindcast.stores.ledger import Ledger, ReleaseRecord
from hindcast.stores.online import OnlineStore, Swap

# A release may replace another whose features are of an instant at most so much later. Not by the
# clock: where nothing was refreshed for long, going back to a better release must stay possible.
MOST_BEHIND = timedelta(days=2)

_FIX = "run: hindcast materialize (an older release must be named to it)"


def require_ready(ledger: Ledger, store: OnlineStore, target: ReleaseRecord) -> None:
    """Raise GateError unless a release could answer now in place of its model's champion.

    A model's first release replaces none: nobody is answered yet, and materializing may follow.
    """
    champion = ledger.champion(target.model)
    if champion is None:
        return
    replaced = ledger.find_release(target.model, champion.release)
    own, before = _online(store, target), _online(store, replaced)
    absent = [view for view, swap in own.items() if swap is None]
    if absent:
        raise GateError(
            f"release {target.release} reads features of {', '.join(absent)} that are not in the "
            f"online store; {_FIX}"
        )
    for view, swap in own.items():
        champions = before.get(view)
        if swap and champions and champions.as_of - swap.as_of > MOST_BEHIND:
            raise GateError(
                f"release {target.release} reads features of {view} as of "
                f"{swap.as_of.isoformat()}, and those of the champion are as of "
                f"{champions.as_of.isoformat()}, more than {MOST_BEHIND.days} days later; {_FIX}"
            )


def _online(store: OnlineStore, release: ReleaseRecord) -> dict[str, Swap | None]:
    """What the online rows of each view are that a release reads."""
    found = {(of.view, of.definition_hash): swap for of, swap in store.materialized().items()}
    hashes = release.manifest.get("views", {})
    return {view: found.get((view, digest)) for view, digest in hashes.items()}
