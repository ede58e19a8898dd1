"""Prediction lines read back: what the service wrote, bit for bit, and what it did not."""

import gzip
import io
import json
import math
import struct
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given, settings
from hypothesis import strategies as st

from hindcast import names
from hindcast.audit.prediction_log import inputs
from hindcast.audit.prediction_log.inputs import Stream
from hindcast.audit.prediction_log.parser import Batch
from hindcast.audit.prediction_log.rows import OUTCOMES
from hindcast.errors import NotFoundError
from hindcast.serving import journal
from hindcast.serving.features import FeatureRow
from hindcast.serving.prediction_lines import PredictionLines, new_id
from hindcast.serving.predictor import Prediction
from hindcast.serving.requests import RequestError
from hindcast.serving.scores import Score
from hindcast.serving.scores.binary import BinaryScore
from hindcast.serving.scores.multiclass import MulticlassScore
from hindcast.serving.scores.regression import RegressionScore
from tests.unit.audit.prediction_log import prediction_lines as samples

instants = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
doubles = st.floats()
values = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), doubles, texts)
features = st.dictionaries(texts, values, max_size=8)


def parsed(content: bytes | str) -> Batch:
    """What is in a log file of that content."""
    data = content.encode() if isinstance(content, str) else content
    batch = Batch()
    with inputs.opened(Stream("log", io.BytesIO(data))) as stream:
        for number, text in inputs.lines(stream):
            batch.add(stream.name, number, text)
    return batch


def rows(batch: Batch) -> list[dict[str, Any]]:
    return list(batch.table(samples.NOW).to_pylist())


@pytest.fixture(scope="module")
def log() -> Logger:
    return journal.logger("test-predictionlog")


def logged(log: Logger, *asked: Any) -> str:
    """The text that the service's logger writes."""
    stream = io.StringIO()
    cast("Any", log.registered_handler).setStream(stream)
    for ask in asked:
        ask(PredictionLines(lambda fields: journal.answered(log, fields), samples.RELEASE))
    return stream.getvalue()


def same(left: Any, right: Any) -> bool:
    """Equal in type and, for doubles, in every bit."""
    if isinstance(left, float) and isinstance(right, float):
        return struct.pack(">d", left) == struct.pack(">d", right)
    return type(left) is type(right) and bool(left == right)


def double(value: Any) -> Any:
    """A number that JSON has no form for is a word in the log."""
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


@settings(deadline=None)
@given(
    features=features, probability=doubles, as_of=instants, key=st.integers() | texts.filter(len)
)
def test_the_parser_reads_what_the_handler_logs(
    log: Logger, features: Any, probability: float, as_of: datetime, key: int | str
) -> None:
    score = BinaryScore(1, probability)
    row_of_it = FeatureRow({"id": key}, {}, features, as_of, "run1")
    made = Prediction(row_of_it, score, samples.RELEASE)
    ids: list[str] = []

    def ask(lines: PredictionLines) -> None:
        ids.append(lines.predicted(made))

    [row] = rows(parsed(logged(log, ask)))
    read = json.loads(row["features"], parse_constant=pytest.fail)
    assert list(read) == list(features)
    for name, value in features.items():
        given_back = double(read[name]) if isinstance(value, float) else read[name]
        assert same(given_back, value) or (given_back != given_back and value != value)
    assert same(row["probability"], probability) or math.isnan(probability)
    assert (row["features_as_of"], row["id"]) == (as_of, str(key))
    assert (row["prediction_id"], row["release"]) == (ids[0], samples.RELEASE)
    assert (row["outcome"], row["prediction"], row["materialization"]) == ("predicted", 1, "run1")


@pytest.mark.parametrize(
    ("score", "answer"),
    [
        (BinaryScore(1, 0.1), '{"prediction":1,"probability":0.1}'),
        (BinaryScore(0, math.nan), '{"prediction":0,"probability":"NaN"}'),
        (
            MulticlassScore("late", {"late": 0.75, "on time": 0.25}),
            '{"prediction":"late","probabilities":{"late":0.75,"on time":0.25}}',
        ),
        (
            MulticlassScore(2, {"1": 0.25, "2": 0.75}),
            '{"prediction":2,"probabilities":{"1":0.25,"2":0.75}}',
        ),
        (RegressionScore(12.0, (2.0, 22.0)), '{"prediction":12.0,"interval":[2.0,22.0]}'),
        (
            RegressionScore(math.inf, (math.inf, math.inf)),
            '{"prediction":"Infinity","interval":["Infinity","Infinity"]}',
        ),
    ],
)
def test_the_answer_of_every_task_is_read(log: Logger, score: Score, answer: str) -> None:
    row = FeatureRow({"id": 1}, {}, {"income": 1.0}, samples.START, "run1")
    made = Prediction(row, score, samples.RELEASE)
    [predicted, scored] = rows(
        parsed(
            logged(
                log,
                lambda lines: lines.predicted(made),
                lambda lines: lines.scored(score, {"income": 1.0}),
            )
        )
    )
    assert predicted["answer"] == scored["answer"] == answer
    is_binary = isinstance(score, BinaryScore)
    assert (predicted["prediction"] is not None) == is_binary
    assert (predicted["probability"] is not None) == is_binary


def test_every_outcome_is_read(log: Logger) -> None:
    def refused(lines: PredictionLines) -> None:
        lines.unanswered(None, RequestError(422, "x", "is unknown", place="body"))

    def failed(lines: PredictionLines) -> None:
        with pytest.raises(ZeroDivisionError), lines.about({"id": 1}):
            raise ZeroDivisionError

    def scored(lines: PredictionLines) -> None:
        lines.scored(BinaryScore(0, 0.25), {"income": 1.0})

    def unknown(lines: PredictionLines) -> None:
        lines.unanswered({"id": 1}, NotFoundError("there is no customer with id 1"))

    batch = parsed(logged(log, refused, failed, scored, unknown))
    assert [row["outcome"] for row in rows(batch)] == ["refused", "failed", "scored", "unknown"]
    assert {row["outcome"] for row in rows(batch)} < set(OUTCOMES)
    assert (batch.bad, batch.other) == ([], 0)


def test_ids_of_predictions_are_in_the_order_of_time() -> None:
    ids = [new_id(datetime.fromtimestamp(second, UTC)) for second in range(0, 2**31, 10**7)]
    assert ids == sorted(ids)
    assert {(key[14], key[19] in "89ab", len(key)) for key in ids} == {("7", True, 36)}
    assert len({new_id(samples.NOW) for _ in range(1000)}) == 1000


TEXT = samples.text(1, 2, 3)
MESSAGES = TEXT.splitlines(keepends=True)
PLAIN = json.dumps(samples.record(*MESSAGES), separators=(",", ":"))
ODD_ORDER = json.dumps(dict(reversed(samples.record(*MESSAGES).items())))
HALVES = json.dumps(samples.record(MESSAGES[0])), json.dumps(samples.record(*MESSAGES[1:]))
DATA = samples.event(*MESSAGES)["awslogs"]["data"]


@pytest.mark.parametrize(
    "content",
    [
        TEXT,
        TEXT.rstrip(),
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", ""),
        gzip.compress(TEXT.encode()),
        gzip.compress(TEXT[:100].encode()) + gzip.compress(TEXT[100:].encode()),
        PLAIN,
        ODD_ORDER,
        "\n".join(HALVES),
        "".join(HALVES),
        gzip.compress(HALVES[0].encode()) + gzip.compress(HALVES[1].encode()),
        gzip.compress(gzip.compress(PLAIN.encode())),
        DATA,
        json.dumps(samples.event(*MESSAGES)),
        TEXT + PLAIN + "\n" + DATA,
    ],
)
def test_one_parser_reads_lines_and_records_in_every_wrapping(content: bytes | str) -> None:
    batch = parsed(content)
    assert rows(batch) == rows(parsed(TEXT))
    assert len(batch.found) == 3
    assert (batch.bad, batch.other, batch.lines) == ([], 0, batch.predictions)


def test_other_lines_are_counted_and_skipped() -> None:
    others = [
        "START RequestId: 1 Version: $LATEST",
        '{"level":"ERROR","message":"unexpected error","stack":"..."}',
        '{"_aws":{"CloudWatchMetrics":[]},"Predictions":[1.0]}',
        '{"message":"something","outcome":"predicted","prediction_id":"1"}',
        '["prediction"]',
        'someone said "prediction" here',
        "\xff\xfe",
    ]
    control = json.dumps(samples.record("CWL CONTROL MESSAGE: Checking", kind="CONTROL_MESSAGE"))
    batch = parsed("\n\n".join([*others, control, samples.text(1)]))
    assert (batch.other, batch.predictions, batch.bad) == (len(others) + 1, 1, [])
    assert batch.lines == len(others) + 2


@settings(deadline=None)
@given(end=st.integers(40, len(MESSAGES[0]) - 3))
def test_a_torn_line_goes_to_quarantine_with_its_place(end: int) -> None:
    batch = parsed("other\n" + MESSAGES[0][:end] + "\n" + MESSAGES[1])
    [bad] = batch.bad
    assert (bad.file, bad.line, bad.record) == ("log", 2, MESSAGES[0][:end])
    assert bad.reason.startswith("is torn or not JSON")
    assert (batch.lines, batch.other, batch.predictions) == (3, 1, 1)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outcome": "guessed"}, "outcome is none of"),
        ({"prediction_id": None}, "prediction_id is missing"),
        ({"prediction_id": ""}, "prediction_id is not text"),
        ({"instant": "yesterday"}, "instant is not an instant"),
        ({"instant": "2026-01-01T00:00:00"}, "instant is without its offset"),
        ({"instant": 1767225600}, "instant is not an instant"),
        ({"id": True}, "id is not text"),
        ({"id": "\ud800"}, "id is not text"),
        ({"release": None}, "release is missing"),
        ({"features": None}, "features is missing"),
        ({"features": {"a": [1, "x"]}}, "features is not an object of plain values"),
        ({"features": {"a": math.inf}}, "features holds a number that is not finite"),
        ({"prediction": 1.0}, "prediction is not a 64-bit integer"),
        ({"prediction": 2**63}, "prediction is not a 64-bit integer"),
        ({"probability": "0.5"}, "probability is not a number"),
        ({"probability": None}, "probability is missing"),
        ({"prediction": None, "probabilities": {"a": 1.0}}, "prediction is not a label"),
        ({"prediction": "a", "probabilities": [1.0]}, "probabilities is not an object of numbers"),
        ({"prediction": "a", "probabilities": {"a": "x"}}, "a is not a number"),
        ({"prediction": 1.0, "interval": [0.0]}, "interval is not a pair of numbers"),
        ({"prediction": 1.0, "interval": [0.0, None]}, "interval is missing"),
        ({"prediction": "a", "interval": [0.0, 2.0]}, "prediction is not a number"),
    ],
)
def test_a_malformed_line_goes_to_quarantine(changes: dict[str, Any], reason: str) -> None:
    batch = parsed(json.dumps(samples.line(1, **changes)))
    assert not batch.found
    assert [bad.reason.startswith(reason) for bad in batch.bad] == [True]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN[:-10],
        DATA[:-10],
        DATA + "!",
        '{"awslogs": {}}',
        '{"awslogs": {"data": "H4sI"}}',
        '{"messageType": "DATA_MESSAGE", "logEvents": [1]}',
        '{"messageType": "DATA_MESSAGE", "logEvents": [{"id": "1"}]}',
        b'{"message":"prediction","id":"\xff"}',
        '{"message":"prediction","features":' + "[" * 100_000,
    ],
)
def test_what_cannot_be_read_goes_to_quarantine_whole(content: bytes | str) -> None:
    batch = parsed(content)
    assert (len(batch.bad), len(batch.found), batch.lines) == (1, 0, 1)
    assert batch.quarantine(samples.NOW).num_rows == 1


def test_a_bad_log_event_names_its_place_in_cloudwatch() -> None:
    batch = parsed(json.dumps(samples.record(MESSAGES[0], MESSAGES[1][:-9], "START")))
    assert (batch.predictions, batch.other) == (1, 1)
    assert "event 3" in batch.bad[0].reason
    assert " of /aws/lambda/predict/2026/01/01/[$LATEST]0123456789abcdef: " in batch.bad[0].reason


def test_a_line_without_what_was_too_long_for_it_is_kept() -> None:
    shortened = samples.line(1, features=None, id=None, shortened=True)
    [row] = rows(parsed(json.dumps(shortened)))
    assert (row["features"], row["outcome"]) == (None, names.PREDICTED)
