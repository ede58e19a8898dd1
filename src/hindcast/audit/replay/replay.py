"""Replay logged predictions: one by its id, or a sample as the training-serving skew report."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from hindcast.audit import prediction_log
from hindcast.audit.replay.compare import Replayed, SkewReport, compare, settle, summarize
from hindcast.audit.replay.recompute import PastQuestion, Recomputer, vector_as_of
from hindcast.bootstrap import Application
from hindcast.compiler.query import Knowledge
from hindcast.errors import InputError, ReleaseError
from hindcast.serving import requests
from hindcast.serving.predictor import Prediction
from hindcast.serving.values import Value

SEED = 0
Row = Mapping[str, Any]


def replay(application: Application, prediction_id: str) -> Replayed:
    """Recompute one logged prediction; raises NotFoundError where the log does not have it."""
    row = prediction_log.find(application.lake, prediction_id)
    if row["outcome"] not in ("predicted", "scored"):
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
            replayed += _replay_part(application, part)
        except (InputError, ReleaseError) as error:
            impossible[str(error)] = impossible.get(str(error), 0) + len(part)
    return summarize(replayed, impossible)


def predict_as_of(
    application: Application,
    model: str | None,
    key: str,
    clocks: Knowledge,
    release: str | None = None,
) -> Prediction:
    """The prediction of an instant: its features, by the release that was in production then.

    Raises NotFoundError when no release was, or the key had no history, and RequestError for a
    value that the model cannot take.
    """
    name = application.project.model(model).name
    if release is None:
        release = application.champion(name, clocks.as_of).release
    recomputer = _recomputer(application, application.ledger.find_release(name, release).release)
    typed = requests.entity_key(key, recomputer.contents.plan)
    vector = vector_as_of(recomputer, typed, clocks)
    requests.check_values(vector)
    return Prediction(
        id=typed,
        score=recomputer.score(vector.values()),
        release=recomputer.contents.id,
        features=vector,
        features_as_of=clocks.as_of,
        materialization=None,
    )


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
        questions = [_question(recomputer, row) for row in rows]
        known = _known(application, materialization)
        vectors = recomputer.vectors(questions, *known)
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
    key = requests.entity_key(row["id"], recomputer.contents.plan)
    return PastQuestion(key, row["features_as_of"], row["instant"])


def _known(application: Application, materialization: str) -> tuple[datetime, dict[str, int]]:
    """What the materialization could know: records until an instant, in raw tables' versions."""
    run = application.ledger.find_run(materialization)
    # A run that was killed after its swap did not record its inputs; what was known by then counts.
    versions = {table.partition("/")[2]: int(said["version"]) for table, said in run.inputs.items()}
    known_by = datetime.fromisoformat(run.parameters["known_by"])
    return known_by.astimezone(UTC), versions
