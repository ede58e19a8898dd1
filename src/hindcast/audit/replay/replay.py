"""Replay logged predictions: one by its id, or a sample as the training-serving skew report."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hindcast import names
from hindcast.audit import prediction_log
from hindcast.audit.replay.compare import Compared, Replayed, SkewReport, compare, settle, summarize
from hindcast.audit.replay.recompute import PastQuestion, Recomputer, vector_as_of
from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.data.retrieve import Materialized
from hindcast.errors import InputError, NotFoundError, ReleaseError
from hindcast.serving import questions, requests
from hindcast.serving.features import FeatureRow
from hindcast.serving.predictor import Prediction
from hindcast.serving.values import Value
from hindcast.stores.ledger.records import Run

SEED = 0
Row = Mapping[str, Any]


def replay(application: Application, prediction_id: str) -> Replayed:
    """Recompute one logged prediction; raises NotFoundError where the log does not have it."""
    try:
        row = prediction_log.find(application.lake, prediction_id)
    except NotFoundError:
        _require_kept(application, prediction_id)
        raise
    return replace(_recomputed(application, row), doubt=_doubt(application, row))


def _require_kept(application: Application, prediction_id: str) -> None:
    """Raise NotFoundError for a line that a vacuum removed, as its id, which has its time, says."""
    try:
        given = uuid.UUID(prediction_id)
    except ValueError:
        return
    answered = datetime.fromtimestamp((given.int >> 80) / 1000, UTC)
    for run in application.ledger.runs(names.VACUUM, limit=None):
        before = run.parameters.get("before")
        if given.version == 7 and before and answered < datetime.fromisoformat(before):
            raise NotFoundError(
                f"prediction {prediction_id} of {answered.isoformat(timespec='seconds')} is past "
                f"its retention: vacuum {run.id} removed what was answered before {before}"
            )


def _doubt(application: Application, row: Row) -> str | None:
    return prediction_log.doubt(row, application.line_keys)


def _recomputed(application: Application, row: Row) -> Replayed:
    prediction_id = row["prediction_id"]
    if row["outcome"] == names.FALLBACK:
        return _replay_fallback(application, row)
    if row["outcome"] not in (names.PREDICTED, names.SCORED):
        raise InputError(
            f"prediction {prediction_id} has the outcome '{row['outcome']}': there is no answer to "
            "recompute"
        )
    if row["features"] is None:
        raise InputError(
            f"prediction {prediction_id} was logged without its features, which were too long for "
            "a line: there is nothing to compare"
        )
    return _replay_part(application, [row])[0]


def _replay_fallback(application: Application, row: Row) -> Replayed:
    """Whether the release declares that answer, and whether the features were too old."""
    rule = _recomputer(application, row["release"]).contents.plan.freshness
    said = json.loads(row["answer"])["prediction"]
    declared = rule.fallback if rule else None
    too_old = rule is not None and rule.is_broken(row["features_as_of"], row["instant"])
    return Replayed(
        row["prediction_id"],
        row["release"],
        row["instant"].isoformat(),
        (
            Compared("features too old", True, too_old, "match" if too_old else "mismatch"),
            Compared("prediction", said, declared, "match" if said == declared else "mismatch"),
        ),
    )


def skew(
    application: Application, count: int, since: datetime | None, model: str | None = None
) -> SkewReport:
    """Recompute a sample of the logged predictions, the same one each time it is asked for."""
    rows = prediction_log.sample(application.lake, count, since, SEED, model).to_pylist()
    replayed: list[Replayed] = []
    impossible: dict[str, int] = {}
    for part in _parts(rows):
        # One release or materialization that is gone must not hide what the others show.
        try:
            replayed += [
                replace(found, doubt=_doubt(application, row))
                for found, row in zip(_replay_part(application, part), part, strict=True)
            ]
        except (InputError, ReleaseError) as error:
            impossible[str(error)] = impossible.get(str(error), 0) + len(part)
    return summarize(replayed, impossible)


def predict_as_of(
    application: Application,
    model: str | None,
    asked: list[str],
    clocks: Knowledge,
    release: str | None = None,
) -> Prediction:
    """The prediction of an instant: its features, by the release that was in production then.

    asked: the only key's value, or NAME=VALUE of each key and request value. Raises NotFoundError
    when no release was, or there was no history, and RequestError for what is wrong in what is
    asked, or a value that the model cannot take.
    """
    name = application.project.model(model).name
    if release is None:
        release = application.champion(name, clocks.as_of).release
    recomputer = _recomputer(application, application.ledger.find_release(name, release).release)
    plan = recomputer.contents.plan
    question = questions.of_words(asked, plan)
    vector = vector_as_of(recomputer, question, clocks)
    requests.check_values(vector)
    row = FeatureRow(
        questions.keys_of(question, plan),
        questions.request_of(question, plan),
        features=vector,
        features_as_of=clocks.as_of,
        materialization=None,
    )
    score = recomputer.score(vector.values())
    requests.check_score(score)
    return Prediction(row, score, recomputer.contents.id)


def _recomputer(application: Application, release: str) -> Recomputer:
    return Recomputer(application.release_folder(release), application.lake)


def _parts(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each release and materialization: what one query recomputes."""
    parts: dict[tuple[str, str | None], list[Row]] = {}
    for row in rows:
        parts.setdefault((row["release"], row["materialization"]), []).append(row)
    return list(parts.values())


def _replay_part(application: Application, rows: Sequence[Row]) -> list[Replayed]:
    """Recompute rows of one release and materialization."""
    recomputer = _recomputer(application, rows[0]["release"])
    materialization = rows[0]["materialization"]
    logged: list[dict[str, Value]] = [json.loads(row["features"]) for row in rows]
    vectors: Sequence[Mapping[str, Value] | None] = logged
    if materialization:  # Else the caller sent the values; only the model's part can be repeated.
        asked = [_question(recomputer, row) for row in rows]
        materialized = _materialized(application, materialization, recomputer)
        vectors = recomputer.vectors_served(asked, materialized)
    return [
        _compare(recomputer, row, values, vector)
        for row, values, vector in zip(rows, logged, vectors, strict=True)
    ]


def _compare(
    recomputer: Recomputer,
    row: Row,
    logged: Mapping[str, Value],
    vector: Mapping[str, Value] | None,
) -> Replayed:
    settled = settle(logged, vector or {}, recomputer.rounded)
    score = recomputer.score([settled.get(name) for name in recomputer.names])
    return compare(row, settled, score)


def _question(recomputer: Recomputer, row: Row) -> PastQuestion:
    question = questions.of_log(row["id"], row.get("request"), recomputer.contents.plan)
    return PastQuestion(question, row["features_as_of"], row["instant"])


def _materialized(
    application: Application, materialization: str, recomputer: Recomputer
) -> dict[str, Materialized]:
    """What each view was computed from, by its own run; raises InputError where a view has none."""
    runs, views = materialization.split(","), recomputer.contents.plan.views
    if len(runs) != len(views):
        raise InputError(
            f"materialization {materialization} is not one run for each of {', '.join(views)}; an "
            "answer over a view without any row cannot be recomputed"
        )
    return {
        view: _of_run(application.ledger.find_run(run))
        for view, run in zip(views, runs, strict=True)
    }


def _of_run(run: Run) -> Materialized:
    # A run that was killed after its swap did not record its inputs; what was known by then counts.
    versions = [int(said["version"]) for said in run.inputs.values()]
    as_of, known_by = (
        datetime.fromisoformat(run.parameters[name]).astimezone(UTC)
        for name in (names.AS_OF, names.KNOWN_BY)
    )
    return Materialized(as_of, known_by, versions[0] if versions else None)
