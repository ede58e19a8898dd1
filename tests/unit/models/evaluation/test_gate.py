"""The gate: which evidence refuses a release, and what it says."""

from dataclasses import replace
from typing import Any

import pytest

from hindcast.definitions import Gate
from hindcast.models.evaluation.gate import FEW_ENTITIES, Evidence, Verdict, judge
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.training.intervals import Interval

GATE = Gate(
    minimum={"roc_auc": 0.7},
    maximum={"calibration_error": 0.02},
    slice_minimum={"roc_auc": 0.6},
    least_positives=10,
    latency_ms=2.0,
    skew=0.01,
)
METRICS: dict[str, Any] = {
    "rows": 1000,
    "positives": 50,
    "roc_auc": 0.8,
    "pr_auc": 0.2,
    "ks": 0.4,
    "brier": 0.04,
    "log_loss": 0.1,
    "calibration_error": 0.01,
    "probability_range": [0.01, 0.6],
}
GOOD = Evidence(
    compared_by="roc_auc",
    is_rising=True,
    skill=Binary.skill,
    counted=Binary.evidence,
    metrics=METRICS,
    slices={"income_type": {"Working": {"rows": 500, "positives": 30, "roc_auc": 0.75}}},
    over_baseline=Interval(-0.01, 0.02, 0.05),
    over_champion=Interval(-0.03, -0.01, 0.01),
    champion="credit_risk-1",
    parity={"rows": 1000, "largest_difference": 1e-7, "label_disagreements": 0},
    latency_ms=0.1,
    served=1000,
    differing=10,
)


def failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks if check.passed is False]


def test_evidence_within_every_bound_passes() -> None:
    verdict = judge(GATE, GOOD)
    assert verdict.passed
    assert not verdict.failures


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"metrics": {**METRICS, "roc_auc": 0.6999}}, "roc_auc"),
        ({"metrics": {**METRICS, "roc_auc": None}}, "roc_auc"),
        ({"metrics": {**METRICS, "calibration_error": 0.021}}, "calibration_error"),
        ({"over_baseline": Interval(-0.1, -0.05, -0.001)}, "as good as the simple baseline"),
        ({"metrics": {**METRICS, "probability_range": [0.1, 0.1]}}, "better than chance"),
        (
            {"over_champion": Interval(-0.03, -0.02, -0.001)},
            "no significant loss against the champion",
        ),
        (
            {"slices": {"income_type": {"Student": {"rows": 9, "positives": 10, "roc_auc": 0.5}}}},
            "roc_auc where income_type is Student",
        ),
        (
            {"parity": {"rows": 9, "largest_difference": 0.1, "label_disagreements": 0}},
            "ONNX parity",
        ),
        (
            {"parity": {"rows": 9, "largest_difference": 0.0, "label_disagreements": 1}},
            "ONNX parity",
        ),
        ({"latency_ms": 2.001}, "latency, 99th percentile of a row"),
        ({"differing": 11}, "training-serving skew"),
    ],
)
def test_one_bound_that_is_broken_refuses_and_is_named(changed: dict[str, Any], name: str) -> None:
    verdict = judge(GATE, replace(GOOD, **changed))
    assert not verdict.passed
    assert failed(verdict) == [name]
    assert verdict.failures[0].startswith(f"{name}: ")


def test_without_a_champion_the_absolute_part_decides() -> None:
    alone = replace(GOOD, over_champion=None, champion=None)
    assert judge(GATE, alone).passed
    assert not judge(GATE, replace(alone, metrics={**METRICS, "roc_auc": 0.5})).passed


def test_a_loss_whose_interval_reaches_zero_is_not_significant() -> None:
    assert judge(GATE, replace(GOOD, over_champion=Interval(-0.1, -0.05, 0.0))).passed


def test_a_slice_with_too_few_positives_is_not_judged_and_says_so() -> None:
    slices = {"income_type": {"Student": {"rows": 40, "positives": 9, "roc_auc": 0.1}}}
    verdict = judge(GATE, replace(GOOD, slices=slices))
    (check,) = [check for check in verdict.checks if "Student" in check.name]
    assert verdict.passed
    assert check.passed is None
    assert check.found == "9 positives of 40 rows, too few to judge"


def test_what_too_few_entities_cannot_tell_is_not_judged_and_says_so() -> None:
    few = replace(GOOD, over_baseline=None, over_champion=None, has_few_entities=True)
    verdict = judge(GATE, few)
    undecided = [check for check in verdict.checks if check.found == FEW_ENTITIES]
    assert verdict.passed
    assert [(check.name, check.passed) for check in undecided] == [
        ("as good as the simple baseline", None),
        ("no significant loss against the champion", None),
    ]
    # A gain that is asked for must be shown.
    assert not judge(replace(GATE, beats_baseline=True), few).passed


def test_without_collected_predictions_skew_is_not_judged() -> None:
    verdict = judge(GATE, replace(GOOD, served=0, differing=0))
    (check,) = [check for check in verdict.checks if check.name == "training-serving skew"]
    assert verdict.passed
    assert check.passed is None


@pytest.mark.parametrize(
    ("difference", "passed"),
    [(Interval(0.001, 0.01, 0.02), False), (Interval(-0.02, -0.01, -0.001), True)],
)
def test_a_loss_is_more_of_a_metric_that_falls(difference: Interval, passed: bool) -> None:
    falling = replace(GOOD, compared_by="log_loss", is_rising=False, over_champion=difference)
    over_baseline = replace(falling, over_champion=None, over_baseline=difference)
    assert judge(GATE, falling).passed is passed
    assert judge(GATE, over_baseline).passed is passed
    assert judge(replace(GATE, beats_baseline=True), over_baseline).passed is passed


def test_intervals_are_printed_with_the_champion() -> None:
    (check,) = [c for c in judge(GATE, GOOD).checks if "champion" in c.name]
    assert check.found == "roc_auc -0.0100 [-0.0300, +0.0100] against credit_risk-1"


@pytest.mark.parametrize(
    ("beats_baseline", "difference", "passed"),
    [
        (False, Interval(0.0, 0.0, 0.0), True),
        (False, Interval(-0.1, -0.05, 0.0), True),
        (True, Interval(0.0, 0.0, 0.0), False),
        (True, Interval(-0.001, 0.05, 0.1), False),
        (True, Interval(0.001, 0.05, 0.1), True),
    ],
)
def test_a_model_as_good_as_the_baseline_passes_unless_the_gate_asks_for_a_better_one(
    beats_baseline: bool, difference: Interval, passed: bool
) -> None:
    gate = replace(GATE, beats_baseline=beats_baseline)
    assert judge(gate, replace(GOOD, over_baseline=difference)).passed is passed


def test_with_few_positives_a_loss_against_the_baseline_is_not_judged() -> None:
    few = replace(GOOD, metrics={**METRICS, "positives": 9}, over_baseline=Interval(-1, -0.5, -0.1))
    verdict = judge(GATE, few)
    (check,) = [check for check in verdict.checks if "baseline" in check.name]
    assert verdict.passed
    assert check.found == "9 positives of 1000 rows, too few to judge"
    # What the gate asks to be shown is not shown by few.
    assert failed(judge(replace(GATE, beats_baseline=True), few)) == [
        "significantly better than the simple baseline"
    ]


@pytest.mark.parametrize(
    ("area", "lowest", "passed"),
    [(0.5, 0.1, False), (0.5, 0.01, False), (None, 0.1, False), (None, 0.01, None), (0.6, 0, True)],
)
def test_a_model_without_skill_is_refused_however_few_positives_there_are(
    area: float | None, lowest: float, passed: bool | None
) -> None:
    judged = {"positives": 1, "roc_auc": area, "probability_range": [lowest, 0.1]}
    metrics = {**METRICS, **judged}
    verdict = judge(replace(GATE, minimum={}), replace(GOOD, metrics=metrics))
    (check,) = [check for check in verdict.checks if check.name == "better than chance"]
    assert check.passed is passed
    assert verdict.passed is (passed is not False)


def test_a_comparison_that_is_not_defined_is_not_judged() -> None:
    verdict = judge(GATE, replace(GOOD, over_champion=None, over_baseline=None))
    assert verdict.passed
    assert [c.passed for c in verdict.checks if "champion" in c.name or "baseline" in c.name] == [
        None,
        None,
    ]
