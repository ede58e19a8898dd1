"""Promotions by the control API: on one machine the ledger and the stage, on AWS a rebuild."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hindcast.bootstrap import Application
from hindcast.errors import ConflictError
from hindcast.models import promote as promotions
from hindcast.models.promote import ServedStage
from hindcast.names import REBUILD
from hindcast.operations.control.documents import PromotionDocument
from hindcast.operations.control.jobs import Runner
from hindcast.stores.ledger import Action, Promotion


@dataclass(frozen=True)
class LocalPromoter:
    """stage: what serves a model, if anything does."""

    application: Application
    stage: Callable[[str], ServedStage | None]

    def promote(
        self, model: str, release: str, reason: str | None, by: str, unique: str
    ) -> PromotionDocument:
        """Promote a release; the one in production already stays as it was promoted."""
        current = self.application.ledger.champion(model)
        if current is not None and current.release == release:
            return _document(current)
        acting, stage = self.application.acting_for(by), self.stage(model)
        force = reason is not None
        return _document(promotions.promote(acting, model, release, force, reason, stage))

    def roll_back(self, model: str, release: str | None, by: str, unique: str) -> PromotionDocument:
        """Bring back the release before; raises ConflictError where another than this is there."""
        _require_champion(self.application, model, release)
        return _document(
            promotions.rollback(self.application.acting_for(by), model, self.stage(model))
        )


@dataclass(frozen=True)
class RebuildPromoter:
    """On AWS the state machine alone changes what a stage serves: a promotion is a rebuild's."""

    application: Application
    runner: Runner

    def promote(
        self, model: str, release: str, reason: str | None, by: str, unique: str
    ) -> PromotionDocument:
        """Roll a release out; the one in production already stays as it was promoted."""
        current = self.application.ledger.champion(model)
        if current is not None and current.release == release:
            return _document(current)
        found = self.application.ledger.find_release(model, release)
        promotions.require_second_person(self.application.acting_for(by), found)
        given = {"model": model, "release": release, **({"reason": reason} if reason else {})}
        return self._started(given, release, "promote", by, unique)

    def roll_back(self, model: str, release: str | None, by: str, unique: str) -> PromotionDocument:
        """Let the version of predict that served the release before serve again."""
        _require_champion(self.application, model, release)
        back = promotions.way_back(self.application, model).release.release
        given = {"model": model, "rollback": back}
        return self._started(given, back, "rollback", by, unique)

    def _started(
        self, given: Mapping[str, Any], release: str, action: Action, by: str, unique: str
    ) -> PromotionDocument:
        runner, jobs = self.runner, self.application.ledger.jobs
        run_id = runner.run_id(REBUILD, given, unique)
        runner.submit(jobs.add(run_id, REBUILD, given, runner.name, by))
        return PromotionDocument(
            model=given["model"],
            release=release,
            action=action,
            by=by,
            promoted_at=None,
            run=run_id,
        )


def _require_champion(application: Application, model: str, release: str | None) -> None:
    """Raise ConflictError where another release than the one that was meant is in production."""
    current = application.champion(model)
    if release is not None and current.release != release:
        raise ConflictError(f"release {current.release} is in production, not {release}")


def _document(promotion: Promotion) -> PromotionDocument:
    return PromotionDocument(
        model=promotion.model,
        release=promotion.release,
        action=promotion.action,
        by=promotion.by,
        promoted_at=promotion.promoted_at,
        run=None,
    )
