"""Ingest under fire: killed at any moment, or run twice at once, it loses and doubles nothing."""

import multiprocessing
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from deltalake import write_deltalake

from examples.credit_risk.definitions import loans
from hindcast.data.ingest import add_file
from hindcast.demo.generate import generate
from hindcast.stores.lake import Lake
from tests.integration.crashes import run_until_killed
from tests.integration.orders import NOW, add, orders, quarantine, raw, write_csv

Rows = list[dict[str, Any]]


def contents(lake: Lake) -> tuple[Rows, Rows]:
    """Accepted and quarantined loans, without the instants of the run."""
    clocks = {"recorded_at", "_ingested_at"}
    accepted, bad = (
        [{name: value for name, value in row.items() if name not in clocks} for row in rows]
        for rows in (raw(lake, loans), quarantine(lake, loans))
    )
    return accepted, bad


@pytest.fixture(scope="module")
def csv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loans") / "loans.csv"
    generate(path, customers=40, seed=3)
    return path


@pytest.fixture(scope="module")
def expected(csv_file: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Rows, Rows]:
    """What an undisturbed ingest of the file leaves in the lake."""
    lake = Lake(str(tmp_path_factory.mktemp("undisturbed")))
    add(csv_file, lake, loans)
    return contents(lake)


@pytest.mark.parametrize(
    ("crash", "has_raw", "has_bad"),
    [
        # Other moments are those of tests/faults.
        ("before hindcast.data.ingest:_Intake._stamped 3", False, False),
        ("after hindcast.stores.lake:write_deltalake 1", True, False),
    ],
)
def test_a_killed_ingest_shows_all_rows_or_none_and_is_completed_by_another(
    csv_file: Path,
    expected: tuple[Rows, Rows],
    tmp_path: Path,
    crash: str,
    has_raw: bool,
    has_bad: bool,
) -> None:
    run_until_killed(crash, "ingest", str(csv_file), "--home", str(tmp_path))
    lake = Lake(str(tmp_path / "lake"))
    good, bad = expected
    assert contents(lake) == (good if has_raw else [], bad if has_bad else [])
    report = add(csv_file, lake, loans)
    assert contents(lake) == expected
    assert report.already_ingested == (has_raw and has_bad)
    if not report.already_ingested:
        assert (report.accepted, report.quarantined) == (len(good), len(bad))


def _ingest_in_step(path: Path, root: str, barrier: Barrier) -> None:
    """Ingest beside other processes, entering each creation and each commit together with them."""
    barrier.wait(60)  # Until all have imported what they need.

    def in_step(original: Callable[..., None]) -> Callable[..., None]:
        def wait_and_call(*arguments: Any, **options: Any) -> None:
            # One that has to try again goes through more steps than the others.
            with suppress(BrokenBarrierError):
                barrier.wait(1)
            original(*arguments, **options)

        return wait_and_call

    patch = pytest.MonkeyPatch()
    patch.setattr("hindcast.stores.lake.write_deltalake", in_step(write_deltalake))
    patch.setattr(Lake, "create", in_step(Lake.create))
    add_file(path, orders, Lake(root), NOW)


def ingest_at_once(lake: Lake, *paths: Path) -> None:
    """A process for each file."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(paths))
    processes = [
        context.Process(target=_ingest_in_step, args=(path, lake.root, barrier)) for path in paths
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert not any(process.exitcode for process in processes)


LINES = [*(f"{n},2021-05-01,{n},1,1,1,x" for n in range(500)), "torn", "1,bad,1,1,1,1,x"]


def test_of_two_files_ingested_at_once_one_of_them_twice_each_is_there_once(tmp_path: Path) -> None:
    first = write_csv(tmp_path, *LINES, name="a.csv")
    second = write_csv(tmp_path, *reversed(LINES), name="b.csv")
    lake = Lake(str(tmp_path / "lake"))
    ingest_at_once(lake, first, first, second)
    found = [(row["_file"], row["order"]) for row in raw(lake)]
    assert found == [("a.csv", n) for n in range(500)] + [("b.csv", 499 - n) for n in range(500)]
    assert [row["file"] for row in quarantine(lake)] == ["a.csv", "a.csv", "b.csv", "b.csv"]
