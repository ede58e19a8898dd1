"""What the control Lambda decides by itself: reasons, and the data checks' limits."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hindcast.errors import InputError
from hindcast.operations import training_job
from hindcast.operations.data_checks import Limits, ViewReport, judge, limits, summarize
from hindcast.operations.runs import reason
from hindcast.stores.ledger import Run
from hindcast.stores.online import Swap
from lambdas.control.handler import handler

AT = datetime(2021, 9, 17, tzinfo=UTC)
BEFORE = Swap(
    1,
    "publish",
    "v",
    "run1",
    "id",
    AT - timedelta(days=1),
    AT,
    "hash",
    1000,
    {"id": 0.0, "income": 0.1, "never": 1.0},
    AT,
)
NOW = replace(BEFORE, swap=2, run_id="run2", as_of=AT)


def ingested(rows: int, quarantined: int) -> Run:
    outputs = {"rows": rows, "quarantined": quarantined}
    return Run("i", "ingest", "succeeded", {"source": "loans"}, {}, outputs, AT, 1.0, None)


def report(current: Swap | None, *ingests: Run, **more: Any) -> ViewReport:
    given: dict[str, Any] = {"before": BEFORE, "asked": AT, "allowed": Limits(), **more}
    return summarize("v", current, judge(current, ingests=ingests, **given))


def test_features_like_those_before_pass() -> None:
    found = report(NOW, ingested(100, 5))
    assert (found.passed, found.failures, found.materialization) == (True, (), "run2")
    assert [check.name for check in found.checks] == [
        "rows",
        "nulls",
        "age of features",
        "quarantine",
    ]
    assert report(replace(NOW, null_rates={"id": 0.0}), before=None).passed


@pytest.mark.parametrize(
    ("current", "ingests", "failure"),
    [
        (None, [], "online version: none, required: one; run: hindcast materialize"),
        (replace(NOW, rows=799), [], "rows: 799, 1000 before, required: at least 800"),
        (
            replace(NOW, as_of=AT - timedelta(hours=37)),
            [],
            "age of features: 1 day, 13:00:00 at 2021-09-17T00:00:00+00:00, "
            "required: at most 1 day, 12:00:00",
        ),
        (
            replace(NOW, null_rates={"income": 0.21}),
            [],
            "nulls in 'income': 21.0%, 10.0% before, "
            "required: not all, and at most 10.0% more than before",
        ),
        (
            replace(NOW, null_rates={"new": 1.0}),
            [],
            "nulls in 'new': 100.0%, required: not all, and at most 10.0% more than before",
        ),
        (
            NOW,
            [ingested(60, 0), ingested(40, 6)],
            "quarantine: 6.0% (6 of 100 rows that came in), required: at most 5.0%",
        ),
    ],
)
def test_a_failure_says_what_was_found_and_what_is_required(
    current: Swap | None, ingests: list[Run], failure: str
) -> None:
    found = report(current, *ingests)
    assert (found.passed, found.failures) == (False, (failure,))


def test_limits_are_declared_by_name() -> None:
    assert limits({"age_hours": 24}) == Limits(age_hours=24.0)
    assert report(replace(NOW, rows=500), allowed=limits({"rows_left": 0.5})).passed
    with pytest.raises(InputError, match="limit 'ages': there is none; use rows_left, null_jump"):
        limits({"ages": 1})


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        ({"State": "Train", "Error": "States.Timeout", "Cause": ""}, "Train: States.Timeout"),
        (
            {"State": "Train", "Error": "E", "Cause": '{"errorMessage": "one\\ntwo"}'},
            "Train: E: one",
        ),
        ({"State": "S", "Error": "E", "Cause": '{"ErrorMessage": "glue"}'}, "S: E: glue"),
        ({"State": "S", "Error": "E", "Cause": '{"FailureReason": "sage"}'}, "S: E: sage"),
        ({"State": "S", "Error": "E", "Cause": "plain"}, "S: E: plain"),
        ({"State": "S", "Error": "E"}, "S: E"),
    ],
)
def test_a_reason_is_one_line_without_a_trace(failure: dict[str, str], line: str) -> None:
    assert reason(failure) == line


def test_an_unknown_action_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError, match="action 'explode': use one of open_run, close_run"):
        handler({"action": "explode"}, None)


def test_a_training_job_leaves_its_reason_where_sagemaker_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HINDCAST_PROJECT", str(tmp_path))
    failure = tmp_path / "failure"
    with pytest.raises(SystemExit, match=r"training_job: .*no definitions.py"):
        training_job.main(["--as_of", "2021-09-17", "--known_by", "2021-09-18"], failure)
    assert "no definitions.py" in failure.read_text()
