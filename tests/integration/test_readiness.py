"""A release may answer in place of the champion only with features that are online and fresh."""

from datetime import UTC, datetime, timedelta

import pytest

from hindcast.datatypes import BIGINT
from hindcast.errors import GateError
from hindcast.models.readiness import MOST_BEHIND, require_ready
from hindcast.stores.ledger import Ledger, ReleaseRecord
from hindcast.stores.online import OnlineStore, ViewVersion

AS_OF = datetime(2021, 9, 17, tzinfo=UTC)
OLD, NEW = ViewVersion("history", "0ld"), ViewVersion("history", "3e3")


def release(ledger: Ledger, name: str, reads: ViewVersion) -> ReleaseRecord:
    manifest = {"views": {reads.view: reads.definition_hash}}
    return ledger.add_release("risk", name, manifest, {}, f"/{name}", None)


def publish(store: OnlineStore, version: ViewVersion, as_of: datetime) -> None:
    loading = store.create_table(version, f"r{as_of:%j}", ["id"], {"id": BIGINT})
    store.publish(loading, as_of, as_of, 0, force=True)


def promote(ledger: Ledger, release: str) -> None:
    ledger.promote("risk", release, None, "promote", False, None, None, "a test")


def test_the_first_release_may_go_before_anything_is_online(
    ledger: Ledger, store: OnlineStore
) -> None:
    require_ready(ledger, store, release(ledger, "first", OLD))


def test_a_later_one_needs_its_features_about_as_fresh_as_those_it_replaces(
    ledger: Ledger, store: OnlineStore
) -> None:
    release(ledger, "champion", OLD)
    promote(ledger, "champion")
    challenger = release(ledger, "challenger", NEW)
    publish(store, OLD, AS_OF)
    with pytest.raises(GateError, match="challenger reads features of history that"):
        require_ready(ledger, store, challenger)
    publish(store, NEW, AS_OF - MOST_BEHIND - timedelta(days=1))
    with pytest.raises(GateError, match=r"as of 2021-09-14.*more than 2 days later; run: hindcast"):
        require_ready(ledger, store, challenger)
    publish(store, NEW, AS_OF - MOST_BEHIND)
    require_ready(ledger, store, challenger)
