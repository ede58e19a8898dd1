"""Replay: an answer is computed again from the lake, bit for bit, whatever happened since."""

import json
import math
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from hindcast.audit import prediction_log
from hindcast.audit.replay.compare import Replayed
from hindcast.audit.replay.replay import predict_as_of, replay, skew
from hindcast.compiler.query import Knowledge
from hindcast.data.refresh import roll_back
from hindcast.errors import InputError, NotFoundError, ReleaseError
from hindcast.models import promote
from hindcast.serving.release import release_id, short
from hindcast.stores.ledger import running
from tests.integration.hindsight import ANN, AS_OF, BOB, CUSTOMERS, LATER, NOW, Home, Line

Change = Callable[[Home], Home | None]
TOMORROW = NOW + timedelta(days=1)


def replayed(home: Home, line: Line) -> Replayed:
    return replay(home.application, line["prediction_id"])


def unlike(found: Replayed) -> dict[str, str]:
    """What does not match, and how."""
    return {value.name: value.outcome for value in found.values if value.outcome != "match"}


def late_loans(home: Home, now: datetime = TOMORROW) -> None:
    """What Ann's and Bob's features would change by: a loan before the instant, recorded after."""
    home.ingest({"id": ANN}, {"id": BOB, "loan_id": 9_000_001}, now=now)


def test_every_kind_of_feature_is_computed_again_bit_for_bit(home: Home) -> None:
    lines = home.answer(*CUSTOMERS)
    found = skew(home.application, 100, None)
    assert (found.predictions, found.matching, found.impossible) == (40, 40, {})
    assert [unlike(replayed(home, line)) for line in lines[::10]] == [{}] * 4
    seen: dict[str, set[str]] = {}
    for line in lines:
        for name, value in line["features"].items():
            seen.setdefault(name, set()).add(type(value).__name__)
    assert seen["nb_previous_loans"] == seen["nb_loans_last_90_days"] == {"int"}
    assert seen["avg_amount_loans_previous"] == seen["max_amount_loans_previous"] == {"float"}
    assert seen["amount_last_90_days"] == {"float", "NoneType"}
    assert seen["flag_own_car"] == seen["is_pensioner"] == {"bool"}
    assert seen["years_on_the_job"] == {"int", "NoneType"}
    project = home.application.project
    assert {value.name for value in replayed(home, lines[0]).values} == {
        *project.service_of(project.model()).names,
        "probability",
        "prediction",
    }


def test_an_answer_given_before_a_retraction_replays_after_it(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    (line,) = home.answer(ANN)
    withdrawn = home.run(capsys, "retract", "--key", ANN, "--reason", "another customer's")
    assert withdrawn[0] == 0
    assert unlike(replayed(home, line)) == {}
    code, _, errors = home.run(
        capsys, "predict", ANN, "--as-of", AS_OF, "--release", home.releases[-1]
    )
    assert (code, "has no event before" in errors) == (2, True)


def test_request_time_features_are_those_of_the_request_and_not_of_the_materialization(
    home: Home,
) -> None:
    lines = home.answer(*CUSTOMERS)
    application, then = home.application, datetime.fromisoformat(lines[0]["features_as_of"])
    stored = predict_as_of(
        application, None, [str(ANN)], Knowledge(then, then + timedelta(days=1)), home.releases[-1]
    ).row.features
    assert {name for name, value in lines[0]["features"].items() if value != stored[name]} == {
        "age",
        "years_on_the_job",
    }
    assert unlike(replayed(home, lines[0])) == {}


def test_an_unknown_entity_is_answered_from_an_empty_history_and_replayed(home: Home) -> None:
    answering = home.redefine(
        ("estimator=build_fast,", 'estimator=build_fast, cold_start="answer",')
    )
    release, stranger = answering.train(AS_OF), 4_000_000
    [line, known] = answering.answer(stranger, ANN, release=release)
    assert (line["outcome"], line["id"], line["release"]) == ("predicted", stranger, release)
    assert {value for value in line["features"].values() if value is not None} == {0}
    assert line["materialization"] == known["materialization"]
    assert [unlike(replayed(answering, each)) for each in (line, known)] == [{}, {}]
    then = datetime.fromisoformat(line["features_as_of"])
    clocks = Knowledge(then, then + timedelta(days=1))
    computed = predict_as_of(answering.application, None, [str(stranger)], clocks, release)
    assert computed.document["probability"] == line["probability"]


def test_one_answer_and_a_batch_of_them_are_the_same_to_replay(home: Home) -> None:
    alone, batch = home.ask("/predict", {"id": str(ANN)}), home.answer(BOB, ANN)
    home.collect(*alone)
    assert alone[0]["features"] == batch[1]["features"]
    assert [unlike(replayed(home, line)) for line in (*alone, *batch)] == [{}] * 3


def materialize_later(home: Home) -> None:
    late_loans(home)
    home.materialize(LATER, now=TOMORROW)
    assert home.ask("/predict", {"id": ANN})[0]["features"]["nb_children"] == 5


def roll_back_materialization(home: Home) -> None:
    materialize_later(home)
    roll_back(home.application, None)
    (line,) = home.answer(ANN)
    assert line["features_as_of"].startswith(AS_OF)
    assert unlike(replayed(home, line)) == {}


def promote_another(home: Home) -> None:
    promote.rollback(home.application, None)
    (line,) = home.answer(ANN, release=home.releases[0])
    assert unlike(replayed(home, line)) == {}


def rename_and_remove_features(home: Home) -> Home:
    return home.redefine(
        ('Feature("income",', 'Feature("yearly_income",'),
        ('        Feature("has_work_phone", "flag_work_phone = 1", over=latest()),\n', ""),
    )


def give_a_feature_another_meaning(home: Home) -> Home:
    changed = home.redefine(('"max(loan_amount)"', '"min(loan_amount)"'))
    changed.materialize(now=TOMORROW)
    return changed


CHANGES: dict[str, Change] = {
    "late loans": late_loans,
    # As a machine with a slow clock would record them: the version of the table tells.
    "late loans of an earlier clock": lambda home: late_loans(home, NOW - timedelta(days=1)),
    "a later materialization": materialize_later,
    "a rollback of the online version": roll_back_materialization,
    "a promotion of another release": promote_another,
    "features renamed and removed": rename_and_remove_features,
    "a feature of another meaning": give_a_feature_another_meaning,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_an_answer_can_be_computed_again_after(home: Home, change: Change) -> None:
    lines = home.answer(ANN, BOB)
    after = change(home) or home
    assert [unlike(replayed(after, line)) for line in lines] == [{}] * 2


def test_an_answer_from_a_run_that_was_killed_before_its_end_was_recorded(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_end", lambda *_: None)
    run = home.materialize().views[0].run_id
    monkeypatch.undo()
    (line,) = home.answer(ANN)
    late_loans(home)
    assert home.application.ledger.find_run(run).status == "unfinished"
    assert (line["materialization"], unlike(replayed(home, line))) == (run, {})


def test_a_score_of_the_callers_values_is_scored_again(home: Home) -> None:
    known = home.ask("/predict", {"id": ANN})[0]["features"]
    strange = {**known, "age": None, "income": 3.4e38, "avg_amount_loans_previous": -0.0}
    lines = home.ask("/score", {"features": strange})
    lines += home.ask("/score", {"instances": [known, strange]})
    home.collect(*lines)
    assert [line["outcome"] for line in lines] == ["scored"] * 3
    assert [unlike(replayed(home, line)) for line in lines] == [{}] * 3


@pytest.mark.parametrize(
    ("changed", "outcome"),
    [
        ({"probability": lambda p: math.nextafter(p, 1)}, {"probability": "mismatch"}),
        ({"probability": lambda _: "NaN"}, {"probability": "mismatch"}),
        ({"prediction": lambda p: 1 - p}, {"prediction": "mismatch"}),
    ],
    ids=["one unit in the last place", "not a number", "the other answer"],
)
def test_another_answer_than_the_release_gives_is_found(
    home: Home, capsys: pytest.CaptureFixture[str], changed: dict[str, Any], outcome: dict[str, str]
) -> None:
    (line,) = home.ask("/score", {"features": home.ask("/predict", {"id": ANN})[0]["features"]})
    line |= {name: change(line[name]) for name, change in changed.items()}
    home.collect(line)
    code, printed, _ = home.run(capsys, "replay", line["prediction_id"], "--json")
    values = {value["name"]: value["outcome"] for value in json.loads(printed)["values"]}
    assert code == 1
    assert {name: how for name, how in values.items() if how != "match"} == outcome


AVERAGE = "avg_amount_loans_previous"
BROKEN = [
    ("nb_previous_loans = nb_previous_loans + 1", "nb_previous_loans", "mismatch"),
    ("amount_last_90_days = 0.000001", "amount_last_90_days", "mismatch"),
    (f"{AVERAGE} = {AVERAGE} * (1 + 3e-16)", AVERAGE, "mismatch"),
    ("flag_own_car = NOT flag_own_car", "flag_own_car", "mismatch"),
    ("income = NULL", "income", "missing"),
    ("_birthday = _birthday - 400", "age", "mismatch"),
    ("_birthday = NULL", "age", "missing"),
]


@pytest.mark.parametrize(("assignment", "feature", "outcome"), BROKEN)
def test_a_broken_online_row_is_found_and_the_feature_named(
    home: Home, assignment: str, feature: str, outcome: str
) -> None:
    home.break_online(assignment)
    broken, whole = home.answer(ANN, BOB)
    # The model's answer is right for what it was given, and is another for what it should be.
    assert unlike(replayed(home, broken)).pop(feature) == outcome
    assert set(unlike(replayed(home, broken))) <= {feature, "probability", "prediction"}
    assert unlike(replayed(home, whole)) == {}


def test_an_online_row_of_someone_without_history_lacks_everything(home: Home) -> None:
    home.break_online("id = 7")
    (line,) = home.answer(7)
    *features, _, _ = replayed(home, line).values
    assert {value.outcome for value in features if value.logged is not None} == {"missing"}


def test_the_command_prints_every_digit_and_exits_with_1_where_one_differs(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.break_online(f"{AVERAGE} = {AVERAGE} * (1 + 3e-16)")
    broken, whole = home.answer(ANN, BOB)
    code, printed, errors = home.run(capsys, "replay", broken["prediction_id"])
    rows = {row[0]: row[1:] for row in map(str.split, printed.splitlines()) if row}
    again = next(v.recomputed for v in replayed(home, broken).values if v.name == AVERAGE)
    assert (code, errors) == (1, "")
    assert rows[AVERAGE] == [repr(broken["features"][AVERAGE]), repr(again), "mismatch"]
    assert rows["income"] == [repr(broken["features"]["income"])] * 2 + ["match"]
    assert rows["release"] == [broken["release"]]
    assert rows["matches"] == ["False"]
    code, printed, _ = home.run(capsys, "replay", whole["prediction_id"])
    assert (code, "mismatch" in printed, "missing" in printed) == (0, False, False)


def test_what_was_not_answered_or_lacks_its_features_cannot_be_computed_again(home: Home) -> None:
    lines = home.ask("/predict/batch", {"ids": [7, "none"]})
    home.collect(*lines)
    assert [line["outcome"] for line in lines] == ["unknown", "refused"]
    for line in lines:
        with pytest.raises(InputError, match=f"has the outcome '{line['outcome']}': there is no"):
            replayed(home, line)
    (line,) = home.ask("/predict", {"id": ANN})
    home.collect({**line, "features": None, "shortened": True})
    with pytest.raises(InputError, match="was logged without its features"):
        replayed(home, line)


def test_an_id_that_was_not_collected_says_what_to_run(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    collect = "run: hindcast collect-log FILE"
    code, _, errors = home.run(capsys, "replay", "some-id")
    assert (code, "the table does not exist yet" in errors, collect in errors) == (2, True, True)
    home.answer(ANN)
    code, printed, errors = home.run(capsys, "replay", "some-id")
    assert (code, printed) == (2, "")
    assert "there is no prediction some-id in" in errors
    assert errors.rstrip().endswith(collect)


def test_a_release_that_is_gone_or_changed_is_refused_by_name(home: Home) -> None:
    (line,) = home.answer(ANN)
    folder = home.application.release_folder(line["release"])
    model = folder / "model.onnx"
    content = bytearray(model.read_bytes())
    content[len(content) // 2] ^= 1
    model.write_bytes(content)
    with pytest.raises(ReleaseError, match=rf"{folder.name}: model\.onnx has changed since it was"):
        replayed(home, line)
    shutil.rmtree(folder)
    with pytest.raises(NotFoundError, match=f"release {folder.name}: there is no folder"):
        replayed(home, line)


def test_a_release_must_be_in_the_ledger_as_it_is_to_replay_by(home: Home) -> None:
    """Two manifests can share the 12 digits that a release's name had, and be verified each."""
    (line,) = home.answer(ANN)
    folder, ledger = home.application.release_folder(line["release"]), home.application.ledger
    old = folder.rename(folder.with_name(short(folder.name)))
    forged = {**line, "release": old.name, "prediction_id": "forged"}
    home.collect(forged)
    with pytest.raises(NotFoundError, match=f"the ledger has no release {old.name}; it has"):
        replayed(home, forged)
    ledger.add_release("credit_risk", old.name, {"model": "credit_risk"}, {}, "x", None)
    with pytest.raises(ReleaseError, match="is not the one that the ledger has of it"):
        replayed(home, forged)


def test_an_answer_of_a_release_named_as_before_is_replayed(home: Home) -> None:
    folder = home.application.release_folder(home.releases[-1])
    manifest = json.loads((folder / "manifest.json").read_text())
    copied = folder.with_name(f"other-{'0' * 12}")
    # The name of a model that has no other release, and the digits of today's digest of it.
    old = short(release_id({**manifest, "model": "other"}))
    shutil.copytree(folder, copied)
    (copied / "manifest.json").write_text(json.dumps({**manifest, "model": "other"}))
    copied.rename(copied.with_name(old))
    home.application.ledger.add_release("other", old, {**manifest, "model": "other"}, {}, "x", None)
    (line,) = home.answer(ANN)
    home.collect(before := {**line, "release": old, "prediction_id": "before"})
    assert replayed(home, before).is_same


def test_a_line_that_names_a_folder_is_no_line_of_ours(home: Home) -> None:
    path = home.folder / "serve.log"
    path.write_text(json.dumps({**home.answer(ANN)[0], "release": "../../x"}))
    found = prediction_log.collect([path], home.application.lake, NOW)
    assert found.reasons == ("serve.log line 1: release is no release's id",)


def test_spark_materializes_what_duckdb_computes_again(home: Home) -> None:
    home.ingest({"id": ANN}, {"id": ANN, "loan_amount": "5"}, {"id": BOB, "loan_id": 9_000_001})
    home.materialize(engine="spark")
    lines = home.answer(*CUSTOMERS)
    assert lines[0]["features"]["nb_children"] == 5
    found = skew(home.application, 100, None)
    assert (found.predictions, found.matching, found.impossible) == (40, 40, {})
