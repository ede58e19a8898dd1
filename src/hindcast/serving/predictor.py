"""From a key and an instant to a prediction: one read, one model call."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hindcast import names
from hindcast.errors import HindcastError, InputError, NoReleaseError, StaleFeaturesError
from hindcast.serving import release as releases
from hindcast.serving import requests
from hindcast.serving.features import FeatureReader, FeatureRow
from hindcast.serving.plan import FreshnessRule
from hindcast.serving.release import Release
from hindcast.serving.requests import Question, RequestError
from hindcast.serving.scorer import Scorer
from hindcast.serving.scores import Score
from hindcast.serving.scores.fallback import FallbackScore
from hindcast.serving.store import OnlineReader, open_database
from hindcast.settings import Settings


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
            **self.row.named_instants,
            "materialization": self.row.materialization,
        }


class Predictor:
    """Predictions of one release over one online store; a stateless model needs none."""

    def __init__(self, release: Release, store: OnlineReader | None) -> None:
        self.release = release
        self._scorer = Scorer(release)
        self._features = FeatureReader(release.plan, store) if store else None

    def predict(self, question: Question, as_of: datetime) -> Prediction:
        """Predict for one question.

        Raises NotFoundError, RequestError for a value that the model cannot take, and
        StoreUnavailableError.
        """
        return self._prediction(self.features(question, as_of), as_of)

    def predict_many(
        self, questions: Sequence[Question], as_of: datetime
    ) -> dict[Question, Prediction | HindcastError]:
        """For each question its prediction, or why there is none; one round trip.

        Raises StoreUnavailableError.
        """
        rows = self._reader.read_many(questions, as_of)
        return {each: self._prediction_or_error(row, as_of) for each, row in rows.items()}

    def features(self, question: Question, as_of: datetime) -> FeatureRow:
        """The served features of one question; raises NotFoundError, StoreUnavailableError."""
        return self._reader.read(question, as_of)

    def score(self, values: Sequence[Any], field: str = "features") -> Score:
        """The model's answer for feature values in the plan's order.

        Raises RequestError naming the field where it is no finite number.
        """
        score = self._scorer.score(values)
        requests.check_score(score, field)
        return score

    def check(self, as_of: datetime) -> None:
        """Read as predict does, about nobody; raises StoreUnavailableError where that fails."""
        if self._features is not None:
            self._features.check(as_of)

    def close(self) -> None:
        """Drop the connection to the store."""
        if self._features is not None:
            self._features.close()

    @property
    def _reader(self) -> FeatureReader:
        if self._features is None:
            raise RequestError(
                404,
                "path",
                f"model {self.release.plan.model} reads no stored features; POST /score",
            )
        return self._features

    def _prediction_or_error(
        self, row: FeatureRow | HindcastError, as_of: datetime
    ) -> Prediction | HindcastError:
        try:
            return row if isinstance(row, HindcastError) else self._prediction(row, as_of)
        except InputError as error:
            return error

    def _prediction(self, row: FeatureRow, as_of: datetime) -> Prediction:
        rule = self.release.plan.freshness
        if rule is not None and rule.is_broken(row.features_as_of, as_of):
            return Prediction(row, _fallback(rule, row), self.release.id)
        requests.check_values(row.features)
        return Prediction(row, self.score(list(row.features.values())), self.release.id)


def _fallback(rule: FreshnessRule, row: FeatureRow) -> FallbackScore:
    """The declared answer; raises StaleFeaturesError where there is none."""
    if rule.fallback is None:
        by_view = row.features_as_of_by_view
        of_view = f" of view '{min(by_view, key=lambda view: by_view[view])}'" if by_view else ""
        raise StaleFeaturesError(
            f"the features{of_view} are as of {row.features_as_of.isoformat()}, and this model "
            f"answers by none older than {rule.limit / timedelta(hours=1):g} hours"
        )
    return FallbackScore(rule.fallback)


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
    return Predictor(release, OnlineReader(open_database(settings), release.plan.sql))
