"""Logged against recomputed: what counts as the same."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hindcast.audit.replay.compare import Replayed, compare, settle, summarize
from hindcast.serving.scores import Score
from hindcast.serving.scores.binary import BinaryScore
from hindcast.serving.scores.multiclass import MulticlassScore
from hindcast.serving.scores.regression import RegressionScore
from hindcast.serving.values import Value

values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.text(),
    st.floats(allow_nan=False, allow_infinity=False),
)
vectors = st.dictionaries(st.text(min_size=1), values, min_size=1)


def row(features: dict[str, Any], probability: float = 0.25, prediction: int = 0) -> dict[str, Any]:
    return {
        "prediction_id": "p1",
        "release": "m-1",
        "instant": datetime(2026, 3, 1, tzinfo=UTC),
        "features": json.dumps(features),
        "probability": probability,
        "prediction": prediction,
    }


def outcomes(replayed: Replayed) -> dict[str, str]:
    return {value.name: value.outcome for value in replayed.values}


@given(vectors)
def test_what_was_logged_as_json_matches_itself_bit_for_bit(vector: dict[str, Value]) -> None:
    assert compare(row(vector), vector, BinaryScore(0, 0.25)).matches


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-300, max_value=1e300))
def test_one_unit_in_the_last_place_is_a_mismatch(number: float) -> None:
    replayed = compare(
        row({"x": number}), {"x": math.nextafter(number, math.inf)}, BinaryScore(0, 0.25)
    )
    assert outcomes(replayed)["x"] == "mismatch"
    assert not replayed.matches


def test_types_and_the_sign_of_zero_are_told_apart() -> None:
    logged = {"a": 1, "b": 0.0, "c": True}
    replayed = compare(row(logged), {"a": 1.0, "b": -0.0, "c": 1}, BinaryScore(0, 0.25))
    assert outcomes(replayed) | {"probability": "", "prediction": ""} == {
        "a": "mismatch",
        "b": "mismatch",
        "c": "mismatch",
        "probability": "",
        "prediction": "",
    }


def test_a_value_on_one_side_only_is_missing() -> None:
    replayed = compare(
        row({"a": None, "b": 2, "gone": 3}), {"a": 1, "b": None}, BinaryScore(0, 0.25)
    )
    assert outcomes(replayed) == {
        "a": "missing",
        "b": "missing",
        "gone": "missing",
        "probability": "match",
        "prediction": "match",
    }


def test_numbers_that_are_not_finite_match_the_words_they_were_logged_as() -> None:
    logged = {"a": "NaN", "b": "-Infinity"}
    again = {"a": float("nan"), "b": float("-inf")}
    assert compare(row(logged), again, BinaryScore(0, 0.25)).matches


def test_the_answer_is_compared_too() -> None:
    replayed = compare(row({"a": 1}), {"a": 1}, BinaryScore(1, 0.75))
    assert outcomes(replayed) == {"a": "match", "probability": "mismatch", "prediction": "mismatch"}


def test_what_was_answered_before_there_were_other_tasks_is_compared_too() -> None:
    assert "answer" not in row({})
    older = {**row({"a": 1}), "answer": None}
    assert compare(older, {"a": 1}, BinaryScore(0, 0.25)).matches


def answered(score: Score) -> dict[str, Any]:
    return {**row({"a": 1}), "answer": json.dumps(score.document)}


@pytest.mark.parametrize(
    ("logged", "again", "unlike"),
    [
        (
            MulticlassScore("late", {"late": 0.75, "on time": 0.25}),
            MulticlassScore("late", {"late": 0.75, "on time": 0.5}),
            {"probabilities.on time"},
        ),
        (
            MulticlassScore(1, {"1": 0.75, "2": 0.25}),
            MulticlassScore("1", {"1": 0.75, "2": 0.25}),
            {"prediction"},
        ),
        (
            RegressionScore(12.0, (2.0, 22.0)),
            RegressionScore(12.0, (2.0, math.nextafter(22.0, 23))),
            {"interval.1"},
        ),
        (
            RegressionScore(12.0, (2.0, 22.0)),
            BinaryScore(1, 0.5),
            {"prediction", "probability", "interval.0", "interval.1"},
        ),
    ],
)
def test_every_part_of_every_tasks_answer_is_compared(
    logged: Score, again: Score, unlike: set[str]
) -> None:
    assert compare(answered(logged), {"a": 1}, logged).matches
    found = outcomes(compare(answered(logged), {"a": 1}, again))
    assert {name for name, outcome in found.items() if outcome != "match"} == unlike


def test_a_key_without_history_has_every_value_missing() -> None:
    replayed = compare(row({"a": 1, "b": 2.5}), None, BinaryScore(0, 0.25))
    assert outcomes(replayed)["a"] == outcomes(replayed)["b"] == "missing"


def test_a_summary_counts_per_value_and_names_what_differs() -> None:
    same = compare(row({"a": 1}), {"a": 1}, BinaryScore(0, 0.25))
    other = compare({**row({"a": 1}), "prediction_id": "p2"}, {"a": 2}, BinaryScore(0, 0.25))
    report = summarize([same, other, same])
    assert (report.predictions, report.matching, report.differing) == (3, 2, ("p2",))
    assert report.values["a"] == {"match": 2, "mismatch": 1, "missing": 0}
    assert (report.compared, report.unlike) == (9, 1)


def test_a_summary_of_nothing_compares_nothing() -> None:
    report = summarize([])
    assert (report.predictions, report.compared, report.unlike) == (0, 0, 0)


def test_sums_of_doubles_that_differ_in_rounding_alone_are_taken_as_logged() -> None:
    logged: dict[str, Value] = {"total": 0.1 + 0.2, "other": 0.1 + 0.2}
    assert settle(logged, {"total": 0.3, "other": 0.3}, {"total"}) == {
        "total": 0.1 + 0.2,
        "other": 0.3,
    }


def test_sums_of_doubles_that_differ_by_more_stay_as_recomputed() -> None:
    again: dict[str, Value] = {"a": 1.0 + 1e-11, "b": None, "c": 2}
    assert settle({"a": 1.0, "b": 1.0, "c": 1}, again, {"a", "b", "c"}) == again


def test_what_could_not_be_recomputed_is_counted_by_reason() -> None:
    assert summarize([], {"release m-1: there is no folder": 2}).impossible == {
        "release m-1: there is no folder": 2
    }
