"""The ledger's runs, releases and evaluations against a real Postgres."""

import multiprocessing
import os
import signal
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

import psycopg
import pytest

from hindcast.errors import InputError, NotFoundError, StoreUnavailableError
from hindcast.stores.database import connect
from hindcast.stores.ledger import LOST, Ledger, ReleaseRecord

AS_OF = datetime(2021, 9, 17, tzinfo=UTC)


def add_release(ledger: Ledger, release: str, model: str = "risk") -> ReleaseRecord:
    return ledger.add_release(model, release, {"seed": 1}, {"auc": 0.7}, f"/r/{release}", None)


def test_a_run_is_recorded_with_its_parameters_inputs_outputs_and_length(ledger: Ledger) -> None:
    with ledger.run("train", {"model": "risk", "as_of": AS_OF}) as run:
        run.inputs["raw/loans"] = 3
        run.outputs["folder"] = Path("/releases/a")
    found = ledger.find_run(run.id)
    assert (found.id, found.kind, found.status, found.error) == (run.id, "train", "succeeded", None)
    assert found.parameters == {"model": "risk", "as_of": "2021-09-17T00:00:00+00:00"}
    assert found.inputs == {"raw/loans": 3}
    assert found.outputs == {"folder": "/releases/a"}
    assert found.started_at.tzinfo is UTC
    assert abs(datetime.now(UTC) - found.started_at) < timedelta(minutes=1)
    assert found.seconds is not None
    assert 0 < found.seconds < 60


def test_a_run_in_progress_is_there_and_unfinished(ledger: Ledger) -> None:
    with ledger.run("ingest", {"file": "loans.csv"}, run_id="r1") as run:
        found = ledger.find_run("r1")
        assert run.id == found.id
        assert (found.status, found.seconds, found.error) == ("unfinished", None, None)
        assert (found.inputs, found.outputs) == ({}, {})


def test_failed_work_is_recorded_with_one_line_and_its_own_error_is_raised(ledger: Ledger) -> None:
    error = InputError("loans.csv line 3: no such column\nand a long story")

    def work() -> None:
        with ledger.run("ingest", {}, "r1") as run:
            run.inputs["file"] = "loans.csv"
            raise error

    with pytest.raises(InputError) as raised:
        work()
    assert raised.value is error
    found = ledger.find_run("r1")
    assert (found.status, found.error) == ("failed", "loans.csv line 3: no such column")
    assert found.inputs == {"file": "loans.csv"}


@pytest.mark.parametrize(
    ("error", "recorded"),
    [
        (KeyError("loan_id"), "KeyError: 'loan_id'"),
        (AssertionError(), "AssertionError"),
        (ValueError("a\0b \udcff"), "ValueError: a\\x00b \\udcff"),
        (KeyboardInterrupt(), "interrupted"),
        (SystemExit(3), "interrupted"),
    ],
)
def test_whatever_ended_the_work_is_said(
    ledger: Ledger, error: BaseException, recorded: str
) -> None:
    with pytest.raises(type(error)), ledger.run("batch", {}, "r1"):
        raise error
    status = "interrupted" if recorded == "interrupted" else "failed"
    assert (ledger.find_run("r1").status, ledger.find_run("r1").error) == (status, recorded)


def test_runs_are_listed_newest_first_by_kind_and_status(ledger: Ledger) -> None:
    for number in range(4):
        with ledger.run("ingest" if number % 2 else "train", {}, f"r{number}"):
            pass
    with pytest.raises(ValueError, match="no"), ledger.run("train", {}, "r4"):
        raise ValueError("no")
    with ledger.run("train", {}, "r5"):
        assert [run.id for run in ledger.runs()] == ["r5", "r4", "r3", "r2", "r1", "r0"]
        assert [run.id for run in ledger.runs(limit=2)] == ["r5", "r4"]
        assert [run.id for run in ledger.runs("ingest")] == ["r3", "r1"]
        assert [run.id for run in ledger.runs(status="failed")] == ["r4"]
        assert [run.id for run in ledger.runs("train", "succeeded")] == ["r2", "r0"]
        assert [run.id for run in ledger.runs("train", "unfinished")] == ["r5"]
    assert ledger.runs("drift") == []
    with pytest.raises(InputError, match="use one of succeeded, failed, interrupted, unfinished"):
        ledger.runs(status="done")


def test_a_run_id_is_used_once(ledger: Ledger) -> None:
    with ledger.run("train", {}, "r1"):
        pass
    with (
        pytest.raises(InputError, match=r"\(id\)=\(r1\) already exists"),
        ledger.run("t", {}, "r1"),
    ):
        pytest.fail("the work of a refused run must not begin")


def test_a_run_that_is_not_there_is_said_so(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="no run 'r1'"):
        ledger.find_run("r1")


def _work_forever(url: str, ready: Event) -> None:
    with Ledger(url).run("materialize", {"engine": "duckdb"}, "killed"):
        ready.set()
        signal.pause()


def test_a_killed_process_leaves_a_run_to_the_next(ledger: Ledger, database_url: str) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    worker = context.Process(target=_work_forever, args=(database_url, ready))
    worker.start()
    assert ready.wait(60)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    found = ledger.find_run("killed")
    assert (found.status, found.parameters) == ("unfinished", {"engine": "duckdb"})
    with ledger.run("train", {}, "next"):
        found = ledger.find_run("killed")
        assert (found.status, found.error) == ("interrupted", LOST)
        assert ledger.close_lost() == 0
    assert ledger.find_run("next").status == "succeeded"
    assert ledger.outbox.events("RunFailed")[0].subject == "killed"


def _take_away(server: str, url: str) -> None:
    """Rename the database, as a failure of the server looks to its clients."""
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    with connect(server, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} RENAME TO {name}_gone")


def test_done_work_whose_end_cannot_be_recorded_is_not_called_failed(
    ledger: Ledger, database_url: str, postgres_server: str
) -> None:
    told = r"run r1 \(train\) did its work, but the ledger does not have its end: cannot connect"
    with pytest.raises(StoreUnavailableError, match=told), ledger.run("train", {}, "r1"):
        _take_away(postgres_server, database_url)


def test_the_error_of_failed_work_is_raised_even_if_the_ledger_cannot_be_told(
    ledger: Ledger, database_url: str, postgres_server: str
) -> None:
    def work() -> None:
        with ledger.run("train", {}, "r1"):
            _take_away(postgres_server, database_url)
            raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        work()


def test_no_database_is_a_one_line_reason_and_the_work_does_not_begin() -> None:
    ledger = Ledger("postgresql:///x?host=/nonexistent")
    with pytest.raises(StoreUnavailableError, match="cannot connect to Postgres") as error:
        ledger.champion("risk")
    assert "\n" not in str(error.value)
    with pytest.raises(StoreUnavailableError), ledger.run("train", {}):
        pytest.fail("the work must not begin")


def test_releases_are_numbered_per_model_and_listed_newest_first(ledger: Ledger) -> None:
    assert [add_release(ledger, name).version for name in "abc"] == [1, 2, 3]
    assert add_release(ledger, "x", model="churn").version == 1
    assert [(r.version, r.release) for r in ledger.releases("risk")] == [
        (3, "c"),
        (2, "b"),
        (1, "a"),
    ]
    assert [r.release for r in ledger.releases()] == ["x", "c", "b", "a"]
    assert ledger.releases("none") == []


def test_a_release_keeps_what_is_known_of_it(ledger: Ledger) -> None:
    with ledger.run("train", {}) as run:
        added = ledger.add_release("risk", "a", {"seed": 7}, {"auc": 0.71}, "s3://r/a", run.id)
    assert added == ledger.find_release("risk", "a") == ledger.releases()[0]
    assert (added.manifest, added.metrics) == ({"seed": 7}, {"auc": 0.71})
    assert (added.location, added.run_id) == ("s3://r/a", run.id)


def test_a_release_added_again_stays_as_it_was(ledger: Ledger) -> None:
    first = add_release(ledger, "a")
    add_release(ledger, "b")
    assert ledger.add_release("risk", "a", {}, {}, "/elsewhere", None) == first
    assert [r.version for r in ledger.releases("risk")] == [2, 1]


def test_a_release_is_found_by_its_id_or_its_version(ledger: Ledger) -> None:
    for name in ("a", "b", "1"):
        add_release(ledger, name)
    assert ledger.find_release("risk", "a").version == 1
    assert ledger.find_release("risk", "2").release == "b"
    assert ledger.find_release("risk", "1").release == "1"


def test_a_release_is_found_by_how_its_id_begins_if_no_other_does(ledger: Ledger) -> None:
    for digest in ("aa0", "aa1", "b2"):
        add_release(ledger, f"risk-{digest}")
    assert ledger.find_release("risk", "risk-b").release == "risk-b2"
    assert ledger.find_release("risk", "risk-aa1").version == 2
    with pytest.raises(
        InputError, match="'risk-a' of model 'risk' may be any of risk-aa0, risk-aa1"
    ):
        ledger.find_release("risk", "risk-a")
    with pytest.raises(NotFoundError, match="no release 'ris'"):
        ledger.find_release("risk", "ris")


def test_a_release_that_is_not_there_lists_those_that_are(ledger: Ledger) -> None:
    with pytest.raises(NotFoundError, match="no release 'a'; it has none"):
        ledger.find_release("risk", "a")
    for number in range(12):
        add_release(ledger, f"r{number}")
    with pytest.raises(NotFoundError, match=r"it has 12 \(r11\), 11 .* 3 \(r2\), and older ones"):
        ledger.find_release("risk", "9" * 30)


def test_a_run_that_the_ledger_does_not_know_made_no_release(ledger: Ledger) -> None:
    with pytest.raises(InputError, match=r'\(run_id\)=\(r1\) is not present in table "runs"'):
        ledger.add_release("risk", "a", {}, {}, "/r/a", "r1")


def test_the_last_evaluation_of_a_release_counts(ledger: Ledger) -> None:
    for name in "ab":
        add_release(ledger, name)
    assert ledger.last_evaluation("risk", "b") is None
    first = ledger.add_evaluation("risk", "a", None, True, {}, AS_OF, AS_OF, None)
    ledger.add_evaluation("risk", "b", "a", False, {"auc": float("nan")}, AS_OF, AS_OF, None)
    last = ledger.add_evaluation("risk", "b", "a", True, {"auc": 0.7}, AS_OF, AS_OF, None)
    assert ledger.last_evaluation("risk", "a") == first
    assert ledger.last_evaluation("risk", "b") == last
    assert (last.challenger, last.champion, last.passed) == ("b", "a", True)
    assert (last.verdict, last.as_of, last.known_by) == ({"auc": 0.7}, AS_OF, AS_OF)


def test_only_recorded_releases_are_evaluated_as_of_an_instant_with_a_zone(ledger: Ledger) -> None:
    add_release(ledger, "a")
    with pytest.raises(InputError, match=r"\(model, challenger\)=\(risk, b\) is not present"):
        ledger.add_evaluation("risk", "b", None, True, {}, AS_OF, AS_OF, None)
    with pytest.raises(InputError, match=r"\(model, champion\)=\(risk, b\) is not present"):
        ledger.add_evaluation("risk", "a", "b", True, {}, AS_OF, AS_OF, None)
    with pytest.raises(InputError, match="known_by 2021-09-17 00:00:00 needs a time zone"):
        ledger.add_evaluation("risk", "a", None, True, {}, AS_OF, AS_OF.replace(tzinfo=None), None)


def test_runs_of_a_machines_job_are_found_by_its_next_attempt_and_end_with_it(
    ledger: Ledger, database_url: str
) -> None:
    killed = []  # Kept, as what nobody holds would end.
    for _ in range(2):  # The second attempt, as the first was killed in its second file.
        attempt = Ledger(database_url, run_id="ingest.monday")
        with attempt.run("ingest", {"file": "a"}):
            pass
        killed.append(attempt.run("ingest", {"file": "b"}))
        killed[-1].__enter__()
    ids = {run.id: run.status for run in ledger.runs("ingest")}
    again = ids.keys() - {"ingest.monday", "ingest.monday.2"}
    assert (ids["ingest.monday"], ids["ingest.monday.2"], len(again)) == (
        "succeeded",
        "unfinished",
        1,
    )
    ledger.open_run("ingest", {"file": "c"}, "ingest.monday2", held=("file",))
    ledger.jobs.end("ingest.monday", "failed", "out of time")
    assert ledger.find_run("ingest.monday.2").error == "out of time"
    assert ledger.find_run("ingest.monday2").status == "unfinished"


def test_a_process_job_names_its_first_run_alone(database_url: str) -> None:
    ledger = Ledger(database_url, run_id="5ab20196039d")
    with ledger.run("materialize", {}) as first, ledger.run("materialize", {}) as second:
        assert (first.id, len(second.id)) == ("5ab20196039d", 12)
