"""Which versions of feature views are read by releases that answer now, or may at any moment."""

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from hindcast.compiler.features import CompiledView
from hindcast.errors import DefinitionError, InputError, NotFoundError, ReleaseError
from hindcast.releases import contents, recorded
from hindcast.releases.store import ReleaseStore
from hindcast.stores.ledger import Ledger, ReleaseRecord, previous


@dataclass(frozen=True)
class LiveVersion:
    """A view as releases were trained on it, and their ids."""

    view: CompiledView
    releases: tuple[str, ...]


@dataclass(frozen=True)
class Live:
    """versions: what live releases read. unreadable: of those left out, why, by release.

    definition_hashes: of all of them.
    """

    versions: tuple[LiveVersion, ...]
    unreadable: Mapping[str, str]
    definition_hashes: frozenset[str]


def find(
    ledger: Ledger, store: ReleaseStore, declared: Iterable[CompiledView], also: Sequence[str] = ()
) -> Live:
    """What live releases read, and releases named by id or version; each from the view it carries.

    declared: views that need not be read from a release. A release whose folder is gone, or that
    this code gives another meaning, must not stop the others: it is told of as unreadable. Raises
    what releases.fetch raises, and InputError or NotFoundError for a name.
    """
    views = {view.definition_hash: view for view in declared}
    readers: dict[str, list[str]] = {}
    refused: dict[str, dict[str, str]] = {}
    for record in [*releases(ledger), *(_named(ledger, name) for name in also)]:
        hashes = record.manifest.get("views", {}).values()
        try:
            if any(digest not in views for digest in hashes):
                folder = recorded.require(store.fetch(record.release), record.manifest)
                service = contents.read(folder).service
                views.update({view.definition_hash: view for view in service.views})
        except (DefinitionError, NotFoundError, ReleaseError) as error:
            for digest in hashes:
                refused.setdefault(digest, {})[record.release] = str(error)
        for digest in hashes:
            if record.release not in readers.setdefault(digest, []):
                readers[digest].append(record.release)
    versions = (LiveVersion(views[d], tuple(ids)) for d, ids in readers.items() if d in views)
    # What one release does not carry any more, another of the same version may.
    unreadable = [reasons for digest, reasons in refused.items() if digest not in views]
    return Live(tuple(versions), dict(ChainMap(*unreadable)), frozenset(readers))


def releases(ledger: Ledger) -> list[ReleaseRecord]:
    """Of each model the champion, the one a rollback brings back, and the one that may be next."""
    records = ledger.releases()
    models = dict.fromkeys(record.model for record in records)
    wanted = {(model, release) for model in models for release in _live(ledger, model, records)}
    return [record for record in records if (record.model, record.release) in wanted]


def _live(ledger: Ledger, model: str, records: Sequence[ReleaseRecord]) -> set[str]:
    promotions = ledger.promotions(model)
    found = {promotion.release for promotion in promotions[:1]}
    before = previous(promotions)
    newest = next(record.release for record in records if record.model == model)
    verdict = ledger.last_evaluation(model, newest)
    if verdict is None or verdict.passed:  # A canary may try it.
        found.add(newest)
    return found | ({before} if before else set())


def _named(ledger: Ledger, name: str) -> ReleaseRecord:
    found = [r for r in ledger.releases() if name in (r.release, str(r.version))]
    if len(found) > 1:
        raise InputError(f"release {name} is of several models; give its whole id")
    if not found:
        raise NotFoundError(f"there is no release {name}; list them with: hindcast releases")
    return found[0]
