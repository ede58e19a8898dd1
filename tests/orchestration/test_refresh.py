"""The refresh machine: the Glue job on local Spark, the data checks, and what is told."""

from typing import Any

from tests.integration.load import asked
from tests.orchestration.aws import Given, refusal
from tests.orchestration.cloud import Cloud
from tests.orchestration.conftest import CUSTOMERS, Refreshed


def test_spark_computes_and_swaps_behind_the_glue_task(refreshed: Refreshed) -> None:
    assert refreshed.ended.status == "SUCCEEDED", refreshed.ended
    assert refreshed.given["JobName"] == "refresh-features"
    assert refreshed.given["Arguments"] == {"--as_of": "2021-09-17", "--known_by": "2021-09-18"}
    version = refreshed.home.online
    assert version is not None
    assert (version.rows, version.as_of.isoformat()) == (CUSTOMERS, "2021-09-17T00:00:00+00:00")
    [(subject, message)] = refreshed.notifications
    assert subject == "Hindcast: refresh done"
    assert message["outcome"] == "refreshed"
    told = {"view": "credit_history", "materialization": version.run_id, "passed": True}
    assert message["views"] == [told]
    [check] = refreshed.home.application.ledger.runs("check-data")
    assert (check.status, check.outputs["passed"]) == ("succeeded", True)


def test_the_champion_is_answered_from_its_own_version_while_another_is_computed(
    here: Cloud,
) -> None:
    """By DuckDB: that Spark does the same meanwhile is held by tests/integration/test_versions."""
    before, champion = here.home.online, here.champion
    changed = here.home.redefine(("over=prior(days=90)", "over=prior(days=365)"))

    def compute(given: Given) -> None:
        changed.materialize(given["Arguments"]["--as_of"])

    here.glue.work = compute
    with asked(here.home, champion) as answers:
        ended = here.run("a", "refresh")
    assert ended.status == "SUCCEEDED", ended
    [(status, probabilities)] = answers
    assert (status, None in probabilities) == (200, False)
    runs = [swap.run_id if swap else None for swap in (before, here.home.online, changed.online)]
    assert runs[0] != runs[1] == runs[2]
    checks = here.home.application.ledger.runs("check-data")[0].outputs["checks"]
    assert f"rows, for release {champion}" in [check["name"] for check in checks]


def test_a_job_that_fails_is_told_with_its_reason(here: Cloud) -> None:
    before = here.home.online
    here.glue.work = lambda given: "refresh_features: no event is known"
    ended = here.run("a", "refresh")
    assert (ended.status, ended.error) == ("FAILED", "TaskFailed")
    [(subject, message)] = here.notifications
    assert subject == "Hindcast: refresh failed"
    assert "refresh_features: no event is known" in message["error"]
    assert here.home.online == before


def test_features_that_fail_their_checks_are_told_check_by_check(here: Cloud) -> None:
    ended = here.run("a", "refresh", as_of="2021-10-17", limits={"age_hours": 24})
    assert (ended.status, ended.error) == ("FAILED", "DataChecksFailed")
    [(_, message)] = here.notifications
    assert "age of features: 30 days" in message["error"]
    assert "required: at most 1 day" in message["error"]


def test_a_job_that_is_running_already_is_waited_for(here: Cloud) -> None:
    busy = iter(["busy", "busy"])
    started = here.edge.fakes["glue", "StartJobRun"]

    def start(given: dict[str, Any]) -> Any:
        if next(busy, None):
            raise refusal("ConcurrentRunsExceededException", "one at a time", "StartJobRun")
        return started(given)

    here.edge.fakes["glue", "StartJobRun"] = start
    assert here.run("a", "refresh").status == "SUCCEEDED"
    assert len(here.pauses) == 2
