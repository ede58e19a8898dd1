"""From a key and an instant to a prediction: one read, one model call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from hindcast import names
from hindcast.errors import InputError, NoReleaseError, NotFoundError
from hindcast.serving import release as releases
from hindcast.serving import requests
from hindcast.serving.release import Release
from hindcast.serving.requests import Value
from hindcast.serving.scorer import Scorer
from hindcast.serving.store import OnlineStore, Row
from hindcast.settings import Settings


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """What is served for one entity; features are in the plan's order."""

    id: int | str
    features: dict[str, Value]
    features_as_of: datetime
    materialization: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """A score with everything needed to recompute it."""

    id: int | str
    prediction: int
    probability: float
    release: str
    features: dict[str, Value]
    features_as_of: datetime
    materialization: str | None


class Predictor:
    """Predictions of one release over one online store."""

    def __init__(self, release: Release, store: OnlineStore) -> None:
        self.release = release
        self.store = store
        self._plan = release.plan
        self.score = Scorer(release).score

    def predict(self, key: int | str, as_of: datetime) -> Prediction:
        """Predict for one entity; raises NotFoundError, RequestError, StoreUnavailableError."""
        key = requests.entity_key(key, self._plan)
        row = self.store.read(key, as_of)
        if row is None:
            raise self._unknown(key)
        return self._prediction(key, row)

    def predict_many(self, keys: Sequence[int | str], as_of: datetime) -> list[Prediction | None]:
        """Predict for typed keys in their order, None where unknown; one round trip."""
        rows = self.store.read_many(keys, as_of)
        return [
            None if row is None else self._prediction(key, row)
            for key, row in zip(keys, rows, strict=True)
        ]

    def features(self, key: int | str, as_of: datetime) -> FeatureRow:
        """The served features of one entity; raises as predict does."""
        key = requests.entity_key(key, self._plan)
        row = self.store.read(key, as_of)
        if row is None:
            raise self._unknown(key)
        *_, features_as_of, materialization = row
        features = dict(zip(self._plan.names, row, strict=False))
        return FeatureRow(key, features, features_as_of.astimezone(UTC), materialization)

    def _prediction(self, key: int | str, row: Row) -> Prediction:
        score = self.score(row)
        return Prediction(
            key,
            score.prediction,
            score.probability,
            self.release.id,
            dict(zip(self._plan.names, row, strict=False)),
            row[-2].astimezone(UTC),
            row[-1],
        )

    def _unknown(self, key: int | str) -> NotFoundError:
        return NotFoundError(f"there is no {self._plan.entity} with {self._plan.key} {key}")


def open_predictor(settings: Settings) -> Predictor:
    """The predictor of settings.release_dir over settings.database_url; connects at first use.

    Raises InputError when either is not set, or IAM is to be used without what it needs;
    NoReleaseError when there is no such folder, and ReleaseError when the release does not verify.
    """
    if settings.release_dir is None or settings.database_url is None:
        raise InputError("serving needs HINDCAST_RELEASE_DIR and HINDCAST_DATABASE_URL to be set")
    if not settings.release_dir.exists():
        raise NoReleaseError(f"{settings.release_dir}: there is no release to answer by yet")
    release = releases.load(settings.release_dir)
    by_iam = settings.database_auth == names.DATABASE_AUTH_IAM
    return Predictor(release, OnlineStore(settings.database_url, release.plan.sql, by_iam))
