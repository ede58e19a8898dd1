"""Promotions by the control API on one machine: the ledger, and the stage that follows it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from hindcast.bootstrap import Application
from hindcast.errors import ConflictError
from hindcast.models import promote as promotions
from hindcast.models.promote import ServedStage
from hindcast.operations.control.documents import PromotionDocument
from hindcast.stores.ledger import Promotion


@dataclass(frozen=True)
class LocalPromoter:
    """stage: what serves a model, if anything does."""

    application: Application
    stage: Callable[[str], ServedStage | None]

    def promote(self, model: str, release: str, reason: str | None, by: str) -> PromotionDocument:
        """Promote a release; the one in production already stays as it was promoted."""
        current = self.application.ledger.champion(model)
        if current is not None and current.release == release:
            return _document(current)
        acting, stage = self._by(by), self.stage(model)
        force = reason is not None
        return _document(promotions.promote(acting, model, release, force, reason, stage))

    def roll_back(self, model: str, release: str | None, by: str) -> PromotionDocument:
        """Bring back the release before; raises ConflictError where another than this is there."""
        current = self.application.champion(model)
        if release is not None and current.release != release:
            raise ConflictError(f"release {current.release} is in production, not {release}")
        return _document(promotions.rollback(self._by(by), model, self.stage(model)))

    def _by(self, name: str) -> Application:
        """The application, acting for somebody."""
        given = self.application.settings
        url = given.database_url if given.database_auth else self.application.database_url
        return replace(self.application, settings=replace(given, database_url=url, by=name))


def _document(promotion: Promotion) -> PromotionDocument:
    return PromotionDocument(
        model=promotion.model,
        release=promotion.release,
        action=promotion.action,
        by=promotion.by,
        promoted_at=promotion.promoted_at,
        run=None,
    )
