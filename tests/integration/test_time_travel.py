"""Time travel: as of an instant, known by another, by the release that was in production then."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from hindcast.audit.replay.replay import predict_as_of
from hindcast.compiler.query import Knowledge
from hindcast.errors import NotFoundError, TrainingError
from hindcast.releases import contents
from hindcast.serving.predictor import open_predictor
from hindcast.serving.release import short
from hindcast.serving.requests import Question
from hindcast.settings import Settings
from hindcast.traffic.local import predict
from tests.integration.hindsight import ANN, AS_OF, NOW, Home

CARA = 4_000_000
ON_TIME = {"id": CARA, "loan_id": 1, "loan_date": "2022-01-05", "loan_amount": "100"}
LATE = {"id": CARA, "loan_id": 2, "loan_date": "2022-01-20", "loan_amount": "300"}
FEBRUARY, APRIL, MAY = "2022-02-01", "2022-04-01", "2022-05-01"


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


@pytest.fixture
def cara(home: Home) -> Home:
    """Cara's two loans of January; the second was ingested in March."""
    home.ingest(ON_TIME, now=at("2022-01-06"))
    home.ingest(LATE, now=at("2022-03-10"))
    return home


def foreseen(
    home: Home, capsys: pytest.CaptureFixture[str], key: int, *options: object
) -> dict[str, Any]:
    """What `hindcast predict` says by the newest release."""
    newest = ("--release", home.releases[-1])
    code, printed, errors = home.run(capsys, "predict", key, *options, *newest, "--json")
    assert (code, errors) == (0, "")
    document: dict[str, Any] = json.loads(printed)
    return document


def test_a_loan_recorded_in_march_changes_februarys_prediction_for_those_who_ask_in_april(
    cara: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    february = ("--as-of", FEBRUARY)
    in_april = foreseen(cara, capsys, CARA, *february, "--known-by", APRIL)
    in_february = foreseen(cara, capsys, CARA, *february, "--known-by", FEBRUARY)
    assert in_april["features"]["nb_previous_loans"] == 2
    assert in_april["features"]["avg_amount_loans_previous"] == 200.0
    assert in_february["features"]["nb_previous_loans"] == 1
    assert in_february["features"]["avg_amount_loans_previous"] == 100.0
    assert in_april["probability"] != in_february["probability"]
    assert foreseen(cara, capsys, CARA, *february) == in_april
    of_january = foreseen(cara, capsys, CARA, "--as-of", "2022-01-20", "--known-by", APRIL)
    assert of_january["features"]["nb_previous_loans"] == 1


@pytest.fixture
def dated(home: Home) -> Home:
    """Cara's loans in a source that says when each was recorded, and a release of it."""
    found = home.redefine(
        ('label="status",', 'label="status", recorded_at="recorded_at",'),
        ('"loan_id": "bigint",', '"loan_id": "bigint", "recorded_at": "timestamp",'),
    )
    found.ingest(
        {**ON_TIME, "recorded_at": "2022-01-06T10:00:00"},
        {**LATE, "recorded_at": "2022-03-10T10:00:00"},
        now=at(MAY),
    )
    found.train(AS_OF, MAY, per_row=False)
    return found


def test_a_source_may_say_itself_when_a_loan_was_recorded(
    dated: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    def loans(*known_by: str) -> Any:
        found = foreseen(dated, capsys, CARA, "--as-of", FEBRUARY, *known_by)
        return found["features"]["nb_previous_loans"]

    assert loans("--known-by", "2022-03-10T09:59:59.999999") == 1
    assert loans("--known-by", "2022-03-10T10:00:00") == 2
    # What nobody knew in February was in no answer and in no training row of February.
    assert loans() == 1


@pytest.mark.parametrize(("known_by", "loans"), [(FEBRUARY, 1), (APRIL, 2)])
def test_a_materialization_has_both_clocks(
    cara: Home, capsys: pytest.CaptureFixture[str], known_by: str, loans: int
) -> None:
    clocks = ("--as-of", FEBRUARY, "--known-by", known_by)
    # Months after the last loan of most, the online table is unlike the one before.
    code, printed, _ = cara.run(capsys, "materialize", *clocks, "--force", "--json")
    assert (code, json.loads(printed)["known_by"]) == (0, f"{known_by}T00:00:00+00:00")
    (line,) = cara.ask("/predict", {"id": CARA})
    assert line["features"]["nb_previous_loans"] == loans
    assert line["features_as_of"] == f"{FEBRUARY}T00:00:00+00:00"


@pytest.mark.parametrize(
    ("as_of", "known_by", "loans"),
    [(MAY, FEBRUARY, {1: 1}), (MAY, APRIL, {1: 1, 2: 2}), ("2022-03-10", APRIL, {1: 1})],
    ids=["known in time", "known late", "the late label has not matured"],
)
def test_a_training_set_has_both_clocks(
    cara: Home, capsys: pytest.CaptureFixture[str], as_of: str, known_by: str, loans: dict[int, int]
) -> None:
    first = {**ON_TIME, "loan_id": 3, "loan_date": "2021-06-01"}
    cara.ingest(first, now=at("2021-06-02"))
    out = cara.folder / "set.parquet"
    clocks = ("--as-of", as_of, "--known-by", known_by)
    assert cara.run(capsys, "training-set", "--out", out, *clocks)[0] == 0
    rows = pq.read_table(out, filters=[("id", "=", CARA)]).to_pylist()
    assert {row["tiebreaker"]: row["nb_previous_loans"] for row in rows} == loans


def test_training_as_of_then_known_by_then_is_not_changed_by_what_was_learned_later(
    cara: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    cara.ingest({"id": ANN, "loan_date": "2019-01-01"}, now=at(APRIL))
    clocks = ("--as-of", AS_OF, "--known-by", NOW.isoformat())
    code, printed, _ = cara.run(capsys, "train", *clocks, "--json")
    before, again = (
        contents.read(cara.application.release_folder(release)).manifest
        for release in (cara.releases[-2], json.loads(printed)["release"])
    )
    assert code == 0
    assert (again["as_of"], again["known_by"]) == (f"{AS_OF}T00:00:00+00:00", NOW.isoformat())
    assert again["inputs"]["raw/loans"]["version"] > before["inputs"]["raw/loans"]["version"]
    assert {name for name in again if again[name] != before[name]} == {"inputs"}


def test_nothing_can_be_trained_on_what_was_not_known_yet(home: Home) -> None:
    with pytest.raises(TrainingError, match="the training set is empty"):
        home.train(AS_OF, "2021-09-16")


def test_the_release_in_production_at_the_instant_answers(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    second, first = home.application.ledger.promotions()
    between = first.promoted_at + (second.promoted_at - first.promoted_at) / 2
    later = second.promoted_at + timedelta(days=400)
    for instant, release in [
        (first.promoted_at, first.release),
        (between, first.release),
        (second.promoted_at - timedelta(microseconds=1), first.release),
        (second.promoted_at, second.release),
        (later, second.release),
    ]:
        answer = predict_as_of(home.application, None, [str(ANN)], Knowledge(instant, instant))
        assert (answer.release, answer.row.features_as_of) == (release, instant)
    too_early = first.promoted_at - timedelta(microseconds=1)
    said = home.run(capsys, "predict", ANN, "--as-of", too_early.isoformat())
    assert said[:2] == (2, "")
    assert "no release of model 'credit_risk' was in production at" in said[2]
    assert too_early.isoformat() in said[2]


def test_another_release_can_be_asked_by_id_or_version(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    clocks = Knowledge(at(AS_OF), NOW)
    by_id, by_version, newest = (
        predict_as_of(home.application, None, [str(ANN)], clocks, release)
        for release in (home.releases[0], "1", "2")
    )
    assert by_id == by_version
    assert (by_id.release, newest.release) == tuple(home.releases)
    assert by_id.row == newest.row
    assert by_id.score != newest.score
    unknown = ("--as-of", AS_OF, "--release", "3")
    code, printed, errors = home.run(capsys, "predict", ANN, *unknown)
    assert (code, printed) == (2, "")
    first, second = map(short, home.releases)
    assert f"has no release '3'; it has 2 ({second}), 1 ({first})" in errors


def test_as_of_the_materialization_it_is_what_the_service_predicts(home: Home) -> None:
    folder = home.application.release_folder(home.releases[-1])
    places = Settings(folder, "", "", database_url=home.database_url, release_dir=folder)
    predictor = open_predictor(places)
    served = predictor.predict(Question((ANN,)), at(AS_OF))
    predictor.close()
    computed = predict_as_of(
        home.application, None, [str(ANN)], Knowledge(at(AS_OF), NOW), home.releases[-1]
    )
    assert repr(computed.row.features) == repr(served.row.features)
    assert repr(computed.score) == repr(served.score)
    assert predict(home.application, None, [str(ANN)], at(AS_OF)) == served


def test_who_has_no_history_yet_is_not_known(cara: Home) -> None:
    newest = cara.releases[-1]
    for instant, known_by in [(at("2022-01-05"), at(MAY)), (at(MAY), at("2022-01-05"))]:
        message = rf"customer {CARA} has no event before {instant.date()}.* known by"
        with pytest.raises(NotFoundError, match=message):
            predict_as_of(cara.application, None, [str(CARA)], Knowledge(instant, known_by), newest)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ANN, "--known-by", AS_OF), "for an answer of an earlier instant; add --as-of"),
        ((ANN, "--release", "1"), "for an answer of an earlier instant; add --as-of"),
        ((7, "--as-of", AS_OF, "--release", "1"), "customer 7 has no event before 2021-09-17T00"),
        (("x", "--as-of", AS_OF, "--release", "1"), "id: must be an integer"),
        ((ANN, "--as-of", "then"), "--as-of 'then': not a date or instant"),
        ((ANN, "--as-of", AS_OF, "--known-by", "then"), "--known-by 'then': not a date or instant"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: tuple[object, ...], message: str
) -> None:
    code, printed, errors = home.run(capsys, "predict", *arguments)
    assert (code, printed, errors.count("\n")) == (2, "", 1)
    assert message in errors
