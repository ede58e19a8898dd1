"""Tells the ledger, MLflow and the model cards about release folders, as often as it takes.

The folder is what counts: whatever was unavailable when it was written hears of it the next time.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hindcast.bootstrap import Application
from hindcast.errors import NotFoundError, ReleaseError, StoreUnavailableError
from hindcast.models.registry.registry import ModelRegistry, open_registry
from hindcast.releases import contents
from hindcast.stores.ledger import Evaluation, Promotion, ReleaseRecord

Document = dict[str, Any]


def register(application: Application, path: Path, run_id: str | None = None) -> ReleaseRecord:
    """Record a release folder everywhere; raises StoreUnavailableError where it cannot."""
    record = _record(application, path, run_id)
    refresh(application, record.model)
    return record


def catch_up(application: Application) -> list[ReleaseRecord]:
    """Register the folders that a killed process or an outage left unrecorded.

    Aliases and cards that were left behind follow too. MLflow, which takes seconds to open, is
    asked only where a card, the last to be written, does not say what the ledger says.
    """
    names = application.releases.names()
    known = [record for record in application.ledger.releases() if record.release in names]
    if len(known) == len(names) and all(_is_told(application, record) for record in known):
        return []
    models = {record.model for record in known}
    registry = _registry(application)
    logged = {name for model in models for name in registry.releases(model)}
    done = logged & {record.release for record in known}
    missing = [name for name in names if name not in done]
    added = [_record(application, application.releases.fetch(name), None) for name in missing]
    for model in sorted(models | {record.model for record in added}):
        refresh(application, model)
    return added


def refresh(application: Application, model: str) -> None:
    """Let MLflow's aliases and the model cards say what the ledger says."""
    records = application.ledger.releases(model)
    promotions = application.ledger.promotions(model)
    champion = promotions[0].release if promotions else None
    newest = records[0].release if records else None
    # What MLflow was not told of yet is pointed to once it was.
    registry = _registry(application)
    logged = registry.releases(model)
    registry.point(
        model,
        champion if champion in logged else None,
        newest if newest in logged and newest != champion else None,
    )
    for record in records:
        if record.release not in logged:
            continue
        # A folder that is gone or was changed is refused where it is used; its card stays.
        with suppress(NotFoundError, ReleaseError):
            _show(application, record, promotions)


def refresh_after(application: Application, model: str, done: str) -> None:
    """Refresh once something is done; an outage now does not undo it, and the error says so."""
    try:
        refresh(application, model)
    except StoreUnavailableError as error:
        raise StoreUnavailableError(
            f"{done}, but {error}; hindcast releases shows it there once it answers"
        ) from error


def state(application: Application, record: ReleaseRecord) -> str:
    """What a release is to its model: champion, challenger, or what it was."""
    promotions = application.ledger.promotions(record.model)
    evaluation = application.ledger.last_evaluation(record.model, record.release)
    return _state(record, promotions, evaluation)


def _registry(application: Application) -> ModelRegistry:
    return open_registry(application.database_url, application.settings.releases)


def _state(
    record: ReleaseRecord, promotions: Sequence[Promotion], evaluation: Evaluation | None
) -> str:
    if promotions and promotions[0].release == record.release:
        return "champion"
    if any(promotion.release == record.release for promotion in promotions):
        return "was champion"
    if evaluation is None:
        return "not evaluated"
    return "passed its gate" if evaluation.passed else "refused by its gate"


def _record(application: Application, path: Path, run_id: str | None) -> ReleaseRecord:
    release = contents.read(path)
    record = application.ledger.add_release(
        release.model,
        release.id,
        release.manifest,
        release.metrics,
        application.releases.location(release.id),
        run_id,
    )
    from hindcast.models.registry import plots

    _registry(application).log(release, plots.render(release.metrics))
    return record


def _is_told(application: Application, record: ReleaseRecord) -> bool:
    facts = _facts(application, record, application.ledger.promotions(record.model))
    return _is_shown(application, record, facts)


def _show(application: Application, record: ReleaseRecord, promotions: Sequence[Promotion]) -> None:
    """Write a release's card, unless the one that is there says the same: plots take their time."""
    facts = _facts(application, record, promotions)
    if _is_shown(application, record, facts):
        return
    from hindcast.models.registry import card

    release = contents.read(application.release_folder(record.release))
    page = card.render(release.id, release.manifest, release.metrics, *facts)
    application.releases.write_card(record.release, page + _mark(record.release, *facts))


def _facts(
    application: Application, record: ReleaseRecord, promotions: Sequence[Promotion]
) -> tuple[Document, Document | None, list[Document]]:
    """What a card shows besides the folder: status, the gate's verdict, its own promotions."""
    evaluation = application.ledger.last_evaluation(record.model, record.release)
    own = [asdict(promotion) for promotion in promotions if promotion.release == record.release]
    status = {"version": record.version, "state": _state(record, promotions, evaluation)}
    return status, {**asdict(evaluation), **evaluation.verdict} if evaluation else None, own


def _is_shown(application: Application, record: ReleaseRecord, facts: Sequence[Any]) -> bool:
    page = application.releases.card(record.release) or ""
    return page.endswith(_mark(record.release, *facts))


def _mark(*facts: Any) -> str:
    """The end of a card: a digest of what it shows besides the folder, which never changes."""
    said = json.dumps(facts, sort_keys=True, default=str)
    return f"\n<!-- {hashlib.sha256(said.encode()).hexdigest()} -->\n"
