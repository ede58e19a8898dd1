"""From a key and an instant to a prediction: one read, one model call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hindcast import names
from hindcast.errors import InputError, NoReleaseError, NotFoundError
from hindcast.serving import questions, requests
from hindcast.serving import release as releases
from hindcast.serving.plan import ServingPlan
from hindcast.serving.release import Release
from hindcast.serving.requests import Key, Question, RequestError
from hindcast.serving.scorer import Scorer
from hindcast.serving.scores import Score
from hindcast.serving.store import OnlineReader, Row
from hindcast.serving.values import Value
from hindcast.settings import Settings


class UnknownEntityError(NotFoundError):
    """Raised when no view has a row for a question; field is its only key, or None."""

    def __init__(self, plan: ServingPlan, keys: Mapping[str, Key | None]) -> None:
        named = ", ".join(f"{name} {value}" for name, value in keys.items())
        super().__init__(f"there is no {plan.entity} with {named}")
        self.field = next(iter(keys)) if len(keys) == 1 else None


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """What is served for one question; features are in the plan's order.

    keys and request: what was asked, by name. unseen: the views that have no history of it.
    """

    keys: Mapping[str, Key | None]
    request: Mapping[str, Any]
    features: dict[str, Value]
    features_as_of: datetime
    materialization: str | None
    unseen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prediction:
    """A score with everything needed to recompute it."""

    row: FeatureRow
    score: Score
    release: str

    @property
    def document(self) -> dict[str, Any]:
        """For people and programs: all of it, side by side."""
        return {
            **self.row.keys,
            **self.row.request,
            **self.score.document,
            "release": self.release,
            "features": self.row.features,
            "features_as_of": self.row.features_as_of,
            "materialization": self.row.materialization,
        }


class Predictor:
    """Predictions of one release over one online store; a stateless model needs none."""

    def __init__(self, release: Release, store: OnlineReader | None) -> None:
        self.release = release
        self.score = Scorer(release).score
        self._store = store

    def predict(self, question: Question, as_of: datetime) -> Prediction:
        """Predict for one question.

        Raises NotFoundError, RequestError for a value that the model cannot take, and
        StoreUnavailableError.
        """
        return self._prediction(self.features(question, as_of))

    def predict_many(
        self, questions: Sequence[Question], as_of: datetime
    ) -> dict[Question, Prediction | InputError]:
        """For each question its prediction, or why there is none; one round trip.

        Raises StoreUnavailableError.
        """
        rows = self._reader.read_many(questions, as_of)
        return {each: self._prediction_or_error(each, rows.get(each)) for each in questions}

    def features(self, question: Question, as_of: datetime) -> FeatureRow:
        """The served features of one question; raises NotFoundError, StoreUnavailableError."""
        return self._known(question, self._reader.read(question, as_of))

    def check(self, as_of: datetime) -> None:
        """Read as predict does, about nobody; raises StoreUnavailableError where that fails."""
        if self._store is None:
            return
        plan = self.release.plan
        nobody = Question((None,) * len(plan.keys), (None,) * len(plan.request))
        self._store.read(nobody, as_of)

    def close(self) -> None:
        """Drop the connection to the store."""
        if self._store is not None:
            self._store.close()

    @property
    def _reader(self) -> OnlineReader:
        if self._store is None:
            raise RequestError(
                404,
                "path",
                f"model {self.release.plan.model} reads no stored features; POST /score",
            )
        return self._store

    def _prediction_or_error(self, question: Question, row: Row | None) -> Prediction | InputError:
        try:
            return self._prediction(self._known(question, row))
        except InputError as error:
            return error

    def _known(self, question: Question, row: Row | None) -> FeatureRow:
        plan = self.release.plan
        keys = questions.keys_of(question, plan)
        if row is None:
            raise UnknownEntityError(plan, keys)
        return FeatureRow(
            keys,
            questions.request_of(question, plan),
            {name: row[name] for name in plan.names},
            row[names.FEATURES_AS_OF].astimezone(UTC),
            row[names.MATERIALIZATION],
            tuple(filter(None, row[names.UNSEEN].split(","))),
        )

    def _prediction(self, row: FeatureRow) -> Prediction:
        requests.check_values(row.features)
        return Prediction(row, self.score(list(row.features.values())), self.release.id)


def open_predictor(settings: Settings) -> Predictor:
    """The predictor of settings.release_dir over settings.database_url; connects at first use.

    A stateless model needs no database. Raises InputError when either is not set, or IAM is to be
    used without what it needs; NoReleaseError when there is no such folder, and ReleaseError when
    the release does not verify.
    """
    if settings.release_dir is None:
        raise InputError(f"serving needs {names.ENV_RELEASE_DIR} to be set")
    if not settings.release_dir.exists():
        raise NoReleaseError(f"{settings.release_dir}: there is no release to answer by yet")
    release = releases.load(settings.release_dir)
    if release.plan.is_stateless:
        return Predictor(release, None)
    if settings.database_url is None:
        raise InputError(f"serving needs {names.ENV_DATABASE_URL} to be set")
    by_iam = settings.database_auth == names.DATABASE_AUTH_IAM
    return Predictor(release, OnlineReader(settings.database_url, release.plan.sql, by_iam))
