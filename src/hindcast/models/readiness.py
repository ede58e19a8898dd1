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
    if own is None:
        raise GateError(
            f"release {target.release} reads features that are not in the online store; {_FIX}"
        )
    if before is not None and before.as_of - own.as_of > MOST_BEHIND:
        raise GateError(
            f"release {target.release} reads features as of {own.as_of.isoformat()}, and those of "
            f"the champion are as of {before.as_of.isoformat()}, more than {MOST_BEHIND.days} days "
            f"later; {_FIX}"
        )


def _online(store: OnlineStore, release: ReleaseRecord) -> Swap | None:
    """What the online rows are that a release reads; a definition's hash is of its name too."""
    wanted = release.manifest.get("definition_hash")
    found = (s for of, s in store.materialized().items() if of.definition_hash == wanted)
    return next(found, None)
