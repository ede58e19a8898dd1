"""What is known of one entity: features, the prediction from them, and what was answered before."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hindcast.audit import prediction_log
from hindcast.bootstrap import Application
from hindcast.serving import answers, inputs, questions
from hindcast.serving.features import UnknownEntityError
from hindcast.serving.plan import PlanFeature, QuestionPlan, ServingPlan
from hindcast.serving.predictor import Predictor
from hindcast.serving.requests import Question
from hindcast.traffic import local


@dataclass(frozen=True)
class FeatureValue:
    """A feature's value now, with its type as callers send it."""

    name: str
    type: str
    value: Any
    when_asked: bool


@dataclass(frozen=True)
class EarlierAnswer:
    """An answer that was given and collected; prediction: as it was answered, None of a refusal."""

    prediction_id: str
    instant: datetime
    release: str
    outcome: str
    prediction: Mapping[str, Any] | None
    features_as_of: datetime | None


@dataclass(frozen=True)
class Lookup:
    """What the release in production would answer now, and the newest answers before.

    unknown: why there are no features; prediction and features are empty then. views: each view
    that is read -> as of when its rows are.
    """

    model: str
    release: str
    keys: Mapping[str, Any]
    unknown: str | None
    prediction: Mapping[str, Any]
    features: tuple[FeatureValue, ...]
    features_as_of: datetime | None
    views: Mapping[str, datetime]
    answers: tuple[EarlierAnswer, ...]


def look_up(
    application: Application, model: str | None, asked: Mapping[str, Any], now: datetime, limit: int
) -> Lookup:
    """Look an entity up by the keys and request values of a question; nothing is logged by it.

    asked: values, or text of them; what the plan does not require may be left out.
    Raises RequestError for what is wrong in what is asked, NotFoundError where no release is in
    production, and StoreUnavailableError.
    """
    predictor = local.open_champion(application, model)
    try:
        question = _question(asked, predictor.release.plan)
        return _looked_up(application, predictor, question, now, limit)
    finally:
        predictor.close()


def _question(asked: Mapping[str, Any], plan: QuestionPlan) -> Question:
    kinds = {each.name: each.kind for each in (*plan.keys, *plan.request)}
    optional = {e.name: None for e in (*plan.keys, *plan.request) if not e.required}
    typed = {
        name: inputs.of_text(value, kinds.get(name)) if isinstance(value, str) else value
        for name, value in asked.items()
    }
    return questions.read({**optional, **typed}, plan)


def _looked_up(
    application: Application, predictor: Predictor, question: Question, now: datetime, limit: int
) -> Lookup:
    plan = predictor.release.plan
    keys = questions.keys_of(question, plan)
    unknown, prediction, values, as_of = None, dict[str, Any](), dict[str, Any](), None
    try:
        made = predictor.predict(question, now)
        prediction, values, as_of = made.score.document, made.row.features, made.row.features_as_of
    except UnknownEntityError as error:
        unknown = str(error)
    return Lookup(
        model=plan.model,
        release=predictor.release.id,
        keys=keys,
        unknown=unknown,
        prediction=prediction,
        features=_features(plan.features, values),
        features_as_of=as_of,
        views=_views(application, predictor.release.id, plan),
        answers=tuple(_answers(application, plan.model, keys, limit)),
    )


def _features(
    declared: Sequence[PlanFeature], values: Mapping[str, Any]
) -> tuple[FeatureValue, ...]:
    plain, known = answers.features(values), {each.name: each for each in declared}
    return tuple(
        FeatureValue(name, known[name].described, value, known[name].request_time)
        for name, value in plain.items()
    )


def _views(application: Application, release: str, plan: ServingPlan) -> dict[str, datetime]:
    """The views that a release reads -> the instant that its version's rows are as of."""
    hashes = application.ledger.find_release(plan.model, release).manifest["views"]
    online = {
        of.definition_hash: swap.as_of for of, swap in application.store.materialized().items()
    }
    return {view: online[hashes[view]] for view in plan.views if hashes[view] in online}


def _answers(
    application: Application, model: str, keys: Mapping[str, Any], limit: int
) -> list[EarlierAnswer]:
    key = prediction_log.key_text(keys)
    if key is None:
        return []
    rows = prediction_log.of_entity(application.lake, model, key, limit).to_pylist()
    return [
        EarlierAnswer(
            row["prediction_id"],
            row["instant"],
            row["release"],
            row["outcome"],
            json.loads(row["answer"]) if row["answer"] else None,
            row["features_as_of"],
        )
        for row in rows
    ]
