"""From a key and an instant to a prediction: one read, one model call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hindcast import names
from hindcast.errors import InputError, NoReleaseError, NotFoundError
from hindcast.serving import release as releases
from hindcast.serving import requests
from hindcast.serving.release import Release
from hindcast.serving.requests import Key, Question
from hindcast.serving.scorer import Scorer
from hindcast.serving.scores import Score
from hindcast.serving.store import OnlineReader, Row
from hindcast.serving.values import Value
from hindcast.settings import Settings


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """What is served for one entity; features are in the plan's order."""

    id: Key
    features: dict[str, Value]
    features_as_of: datetime
    materialization: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """A score with everything needed to recompute it."""

    id: Key
    score: Score
    release: str
    features: dict[str, Value]
    features_as_of: datetime
    materialization: str | None

    @property
    def document(self) -> dict[str, Any]:
        """For people and programs: all of it, side by side."""
        return {
            "id": self.id,
            **self.score.document,
            "release": self.release,
            "features": self.features,
            "features_as_of": self.features_as_of,
            "materialization": self.materialization,
        }


class Predictor:
    """Predictions of one release over one online store."""

    def __init__(self, release: Release, store: OnlineReader) -> None:
        self.release = release
        self.store = store
        self.score = Scorer(release).score

    def predict(self, key: Key, as_of: datetime) -> Prediction:
        """Predict for one entity.

        Raises NotFoundError, RequestError for a value that the model cannot take, and
        StoreUnavailableError.
        """
        return self._prediction(self.features(key, as_of))

    def predict_many(
        self, keys: Sequence[Key], as_of: datetime
    ) -> dict[Key, Prediction | InputError]:
        """For each key its prediction, or why there is none; one round trip.

        Raises StoreUnavailableError.
        """
        questions = {key: Question((key,)) for key in keys}
        rows = self.store.read_many(questions.values(), as_of)
        return {
            key: self._prediction_or_error(key, rows.get(question))
            for key, question in questions.items()
        }

    def features(self, key: Key, as_of: datetime) -> FeatureRow:
        """The served features of one entity; raises NotFoundError, StoreUnavailableError."""
        return self._known(key, self.store.read(Question((key,)), as_of))

    def check(self, as_of: datetime) -> None:
        """Read as predict does, about nobody; raises StoreUnavailableError where that fails."""
        plan = self.release.plan
        nobody = Question((None,) * len(plan.keys), (None,) * len(plan.request))
        self.store.read(nobody, as_of)

    def _prediction_or_error(self, key: Key, row: Row | None) -> Prediction | InputError:
        try:
            return self._prediction(self._known(key, row))
        except InputError as error:
            return error

    def _known(self, key: Key, row: Row | None) -> FeatureRow:
        plan = self.release.plan
        if row is None:
            raise NotFoundError(f"there is no {plan.entity} with {plan.key} {key}")
        return FeatureRow(
            key,
            {name: row[name] for name in plan.names},
            row[names.FEATURES_AS_OF].astimezone(UTC),
            row[names.MATERIALIZATION],
        )

    def _prediction(self, row: FeatureRow) -> Prediction:
        requests.check_values(row.features)
        return Prediction(
            row.id,
            self.score(list(row.features.values())),
            self.release.id,
            row.features,
            row.features_as_of,
            row.materialization,
        )


def open_predictor(settings: Settings) -> Predictor:
    """The predictor of settings.release_dir over settings.database_url; connects at first use.

    Raises InputError when either is not set, or IAM is to be used without what it needs;
    NoReleaseError when there is no such folder, and ReleaseError when the release does not verify.
    """
    if settings.release_dir is None or settings.database_url is None:
        raise InputError(
            f"serving needs {names.ENV_RELEASE_DIR} and {names.ENV_DATABASE_URL} to be set"
        )
    if not settings.release_dir.exists():
        raise NoReleaseError(f"{settings.release_dir}: there is no release to answer by yet")
    release = releases.load(settings.release_dir)
    by_iam = settings.database_auth == names.DATABASE_AUTH_IAM
    return Predictor(release, OnlineReader(settings.database_url, release.plan.sql, by_iam))
