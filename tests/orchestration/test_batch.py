"""The batch machine: scored by the function or left to Spark, told, once for an execution."""

from pathlib import Path
from typing import Any

import pyarrow.csv

from hindcast.demo.generate import FIRST_CUSTOMER
from tests.orchestration.cloud import Cloud

RUN = "monday"


def batch(folder: Path, **settings: Any) -> dict[str, Any]:
    """A batch over three customers, one of whom there is not."""
    (folder / "ids.csv").write_text(f"id\n{FIRST_CUSTOMER}\n{FIRST_CUSTOMER + 1}\n-1\n")
    return {
        "model": {"type": "release", "params": {"model": "credit_risk"}},
        "data": {
            "source": {"type": "local_file", "params": {"path": str(folder / "ids.csv")}},
            "target": {"type": "local_file", "params": {"path": str(folder / "scores.csv")}},
        },
        **settings,
    }


def test_the_function_scores_and_people_are_told(here: Cloud, tmp_path: Path) -> None:
    ended = here.run(RUN, "batch", config=batch(tmp_path, max_error_share=0.5))
    assert ended.status == "SUCCEEDED", ended
    assert (ended.output["scored"], ended.output["errors"]) == (2, 1)
    scores = pyarrow.csv.read_csv(tmp_path / "scores.csv").to_pylist()
    assert {row["run"] for row in scores} == {RUN}
    [(subject, message)] = here.notifications
    assert (subject, message["outcome"]) == ("Hindcast: batch done", "scored")
    [run] = here.home.application.ledger.runs("batch")
    assert (run.id, run.status) == (RUN, "succeeded")


def test_new_data_are_scored_by_the_yaml_beside_them_on_glue_where_it_says_spark(
    here: Cloud,
) -> None:
    config = "s3://lake/to-score/weekly/batch.yaml"
    here.functions.handlers = {**here.functions.handlers, "batch": lambda *_: {"engine": "spark"}}
    new = {"bucket": {"name": "lake"}, "object": {"key": "to-score/weekly/x.parquet", "size": 9}}
    ended = here.run(RUN, "batch", created=new)
    assert ended.status == "SUCCEEDED", ended
    [given] = here.edge.made("glue", "StartJobRun")
    assert given["JobName"] == "batch-predict"
    data = "s3://lake/to-score/weekly/x.parquet"
    assert given["Arguments"] == {"--config": config, "--run": RUN, "--data": data}


def test_a_batch_that_fails_ends_its_run_and_is_told_with_its_reason(
    here: Cloud, tmp_path: Path
) -> None:
    ended = here.run(RUN, "batch", config=batch(tmp_path))
    assert (ended.status, ended.error) == ("FAILED", "HindcastError")
    [(subject, message)] = here.notifications
    assert subject == "Hindcast: batch failed"
    assert "1 of 3 rows have no answer" in message["error"]
    [run] = here.home.application.ledger.runs("batch")
    assert run.status == "failed"


def test_a_function_that_is_out_of_time_is_invoked_again(here: Cloud, tmp_path: Path) -> None:
    score, tries = here.functions.handlers["batch"], []

    def slow(event: Any, version: Any) -> Any:
        tries.append(event)
        if len(tries) == 1:
            raise type("Sandbox.Timedout", (Exception,), {})("after 900 s")
        return score(event, version)

    here.functions.handlers = {**here.functions.handlers, "batch": slow}
    ended = here.run(RUN, "batch", config=batch(tmp_path, max_error_share=0.5))
    assert (ended.status, len(tries)) == ("SUCCEEDED", 2)
    assert tries[0] == tries[1]
