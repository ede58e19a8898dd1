"""From a question and an instant to features: one read of the online store."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from hindcast import names
from hindcast.errors import FeatureError, NotFoundError
from hindcast.serving import answers, questions
from hindcast.serving.plan import QuestionPlan
from hindcast.serving.requests import Key, Question
from hindcast.serving.store import OnlineReader, Row
from hindcast.serving.values import Value


class UnknownEntityError(NotFoundError):
    """Raised when no view has a row for a question; field is its only key, or None."""

    def __init__(self, plan: QuestionPlan, keys: Mapping[str, Key | None]) -> None:
        named = ", ".join(f"{name} {value}" for name, value in keys.items())
        super().__init__(f"there is no {plan.entity} with {named}")
        self.field = next(iter(keys)) if len(keys) == 1 else None


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """What is served for one question; features are in the plan's order.

    keys and request: what was asked, by name. unseen: the views that have no history of it.
    features_as_of: the oldest view's; features_as_of_by_view: each one's, where there are several.
    """

    keys: Mapping[str, Key | None]
    request: Mapping[str, Any]
    features: dict[str, Value]
    features_as_of: datetime
    materialization: str | None
    unseen: tuple[str, ...] = ()
    features_as_of_by_view: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def document(self) -> dict[str, Any]:
        """The row's part of an answer about features."""
        return {
            "features": answers.features(self.features),
            "features_as_of": self.features_as_of.isoformat(),
            **self.named_instants,
            "materialization": self.materialization,
            **self.named_unseen,
        }

    @property
    def named_instants(self) -> dict[str, Any]:
        """As of when each view is, as a field of an answer, where there are several."""
        instants = {view: at.isoformat() for view, at in self.features_as_of_by_view.items()}
        return {names.FEATURES_AS_OF_BY_VIEW: instants} if instants else {}

    @property
    def named_unseen(self) -> dict[str, Any]:
        """The views that have no history of what was asked, as a field of an answer, if any."""
        return {"unseen": list(self.unseen)} if self.unseen else {}


class FeatureReader:
    """Features by one plan over one online store."""

    def __init__(self, plan: QuestionPlan, store: OnlineReader) -> None:
        self.plan = plan
        self._store = store

    def read(self, question: Question, as_of: datetime) -> FeatureRow:
        """The features of one question; raises NotFoundError, StoreUnavailableError."""
        row = self._store.read(question, as_of)
        if row is None:
            raise self._unknown(question)
        return self._known(question, row)

    def read_many(
        self, asked: Sequence[Question], as_of: datetime
    ) -> dict[Question, FeatureRow | UnknownEntityError | FeatureError]:
        """For each question its features, or why there are none; one round trip.

        Raises StoreUnavailableError.
        """
        try:
            rows = self._store.read_many(asked, as_of)
        except FeatureError:  # One of them has values of which the others know nothing.
            return {each: self._read_or_error(each, as_of) for each in asked}
        return {
            each: self._known(each, rows[each]) if each in rows else self._unknown(each)
            for each in asked
        }

    def check(self, as_of: datetime) -> None:
        """Read as a question does, about nobody; raises StoreUnavailableError where that fails."""
        nobody = Question((None,) * len(self.plan.keys), (None,) * len(self.plan.request))
        self._store.read(nobody, as_of)

    def close(self) -> None:
        """Drop the connection to the store."""
        self._store.close()

    def _read_or_error(
        self, question: Question, as_of: datetime
    ) -> FeatureRow | UnknownEntityError | FeatureError:
        try:
            return self.read(question, as_of)
        except (UnknownEntityError, FeatureError) as error:
            return error

    def _unknown(self, question: Question) -> UnknownEntityError:
        return UnknownEntityError(self.plan, questions.keys_of(question, self.plan))

    def _known(self, question: Question, row: Row) -> FeatureRow:
        return FeatureRow(
            questions.keys_of(question, self.plan),
            questions.request_of(question, self.plan),
            {name: row[name] for name in self.plan.names},
            row[names.FEATURES_AS_OF].astimezone(UTC),
            row[names.MATERIALIZATION],
            tuple(filter(None, row[names.UNSEEN].split(","))),
            self._by_view(row),
        )

    def _by_view(self, row: Row) -> dict[str, datetime]:
        """Nothing where there is one view, or the statement is of before it told several apart."""
        instants = row.get(names.FEATURES_AS_OF_BY_VIEW)
        if instants is None:
            return {}
        found = zip(self.plan.views, instants, strict=True)
        return {view: instant.astimezone(UTC) for view, instant in found}
