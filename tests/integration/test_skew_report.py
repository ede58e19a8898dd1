"""The training-serving skew report: many answers replayed, for people and for the gate."""

import json
import shutil
from datetime import datetime, timedelta
from typing import Any

import pytest

from hindcast.audit.replay.replay import skew
from hindcast.models.evaluation.gate import GateCheck
from hindcast.operations.lake_verification import adopt
from hindcast.stores.database import connect
from hindcast.stores.online import ViewVersion
from tests.integration.hindsight import ANN, AS_OF, BOB, CUSTOMERS, Home, Line, ingest
from tests.integration.test_real_data import LOANS


def instant(line: Line) -> datetime:
    return datetime.fromisoformat(line["instant"])


@pytest.fixture
def lines(home: Home) -> list[Line]:
    """40 answers by the newest release, Ann's of a broken row; and then 2 by the older one."""
    home.break_online("nb_previous_loans = nb_previous_loans + 1")
    home.break_online("income = NULL")
    made = home.answer(*CUSTOMERS)
    return made + home.answer(BOB, BOB + 1, release=home.releases[0])


def test_the_report_counts_per_value_and_names_who_differs(home: Home, lines: list[Line]) -> None:
    report = skew(home.application, 1_000, None)
    assert (report.predictions, report.matching) == (42, 41)
    assert report.differing == (lines[0]["prediction_id"],)
    assert report.values["nb_previous_loans"] == {"match": 41, "mismatch": 1, "missing": 0}
    assert report.values["income"] == {"match": 41, "mismatch": 0, "missing": 1}
    assert report.values["age"] == {"match": 42, "mismatch": 0, "missing": 0}
    project = home.application.project
    features = project.service_of(project.model()).names
    assert list(report.values) == [*features, "prediction", "probability"]
    assert report.compared == 42 * (len(features) + 2)
    assert report.unlike == 2 + report.values["probability"]["mismatch"]


def test_since_begins_with_the_answers_of_that_instant(home: Home, lines: list[Line]) -> None:
    assert skew(home.application, 1_000, instant(lines[-1])).predictions == 2
    assert skew(home.application, 1_000, instant(lines[0])).predictions == 42
    past = instant(lines[-1]) + timedelta(microseconds=1)
    assert skew(home.application, 1_000, past).predictions == 0


def test_a_sample_is_the_same_each_time_and_of_one_model(home: Home, lines: list[Line]) -> None:
    reports = [skew(home.application, 10, None) for _ in range(2)]
    assert reports[0] == reports[1]
    assert reports[0].predictions == 10
    assert skew(home.application, 10, None, "credit_risk").predictions == 10
    assert skew(home.application, 10, None, "another").predictions == 0


def test_what_is_no_answer_is_not_sampled(home: Home) -> None:
    asked = home.ask("/predict/batch", {"ids": [7, "none", ANN]})
    home.collect(*asked[:2], {**asked[2], "features": None, "shortened": True})
    assert skew(home.application, 1_000, None).predictions == 0


def test_the_command_prints_the_counts_and_exits_with_1_where_one_differs(
    home: Home, lines: list[Line], capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, _ = home.run(capsys, "replay", "--sample", 1_000)
    rows = [line.split() for line in printed.splitlines()]
    assert code == 1
    assert ["nb_previous_loans", "41", "1", "0"] in rows
    assert ["income", "41", "0", "1"] in rows
    assert ["differing", lines[0]["prediction_id"]] in rows
    since = ("--since", lines[-1]["instant"])
    code, printed, _ = home.run(capsys, "replay", "--sample", 1_000, *since, "--json")
    document = json.loads(printed)
    assert (code, document["predictions"], document["matching"]) == (0, 2, 2)


def test_without_answers_the_command_says_what_to_run(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    collect = "run: hindcast collect-log FILE\n"
    said = home.run(capsys, "replay", "--sample", 1_000)
    assert said == (2, "", f"hindcast: no predictions are collected; {collect}")
    home.answer(ANN)
    code, _, errors = home.run(capsys, "replay", "--sample", 1_000, "--since", "2100-01-01")
    period = "since 2100-01-01T00:00:00+00:00"
    assert (code, errors) == (2, f"hindcast: no predictions are collected {period}; {collect}")


@pytest.mark.parametrize(
    "arguments", [[], ["some-id", "--sample", 3], ["--since", AS_OF], ["some-id", "--since", AS_OF]]
)
def test_it_is_one_answer_or_a_sample(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: list[Any]
) -> None:
    code, printed, errors = home.run(capsys, "replay", *arguments)
    assert (code, printed) == (2, "")
    assert "give either a PREDICTION_ID or --sample N" in errors


def test_the_gate_judges_by_it_once_there_are_answers(home: Home) -> None:
    def check() -> tuple[GateCheck, bool]:
        report = home.evaluate(home.releases[0])
        (found,) = [check for check in report.checks if check.name == "training-serving skew"]
        return found, report.passed

    none, _ = check()
    assert (none.passed, none.found) == (None, "no prediction is collected yet")
    home.answer(*CUSTOMERS)
    same, _ = check()
    assert (same.passed, same.found) == (True, "0 of 680 replayed values differ")
    home.break_online("flag_own_car = NOT flag_own_car")
    home.answer(ANN)
    differs, passed = check()
    assert (differs.passed, passed) == (False, False)
    assert differs.found.endswith("of 697 replayed values differ")


@pytest.mark.skipif(not LOANS.is_file(), reason=f"there is no {LOANS}")
def test_every_answer_about_300_real_customers_is_computed_again(home: Home) -> None:
    shutil.rmtree(home.folder / "lake")
    for table in home.application.ledger.lake.tables():
        adopt(home.application, table)
    ingest(home.application, LOANS)
    home.materialize(force=True)
    with connect(home.database_url) as connection:
        relation = ViewVersion.of(home.application.project.view()).relation
        some = f"SELECT id FROM hindcast.{relation} ORDER BY md5(id::text) LIMIT 300"
        customers = [key for (key,) in connection.execute(some.encode())]
    home.answer(*customers)
    report = skew(home.application, 1_000, None)
    assert (report.predictions, report.matching, report.unlike) == (300, 300, 0)
