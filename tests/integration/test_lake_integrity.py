"""The lake proves itself: a table that lost, changed or undid anything is refused by name."""

import random
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from hindcast.data import retrieve
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import DamagedError, HindcastError
from hindcast.operations import lake_verification, verification
from hindcast.operations.verification import VerificationReport
from tests.integration import crashes, hindsight
from tests.integration.hindsight import ANN, AS_OF, Home

RAW = "raw/loans"


@pytest.fixture(scope="module")
def lived(settled: Home, postgres_server: str) -> Iterator[Home]:
    """The settled home with some commits more, which each test leaves as it found it."""
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        hindsight.database(postgres_server, "integrity", settled.database_url) as url,
    ):
        home = hindsight.copy(settled, Path(folder), url)
        for number in range(3):
            home.ingest({"loan_id": 9_100_000 + number})
        yield home


@contextmanager
def damaged(path: Path, at: int | None) -> Iterator[None]:
    """A file without one bit at a place, or that is gone."""
    before = path.read_bytes()
    if at is None:
        path.unlink()
    else:
        path.write_bytes(before[:at] + bytes([before[at] ^ 0x10]) + before[at + 1 :])
    try:
        yield
    finally:
        path.write_bytes(before)


def verify(home: Home) -> VerificationReport:
    return verification.verify(home.application, ["lake"])


def lookup(home: Home) -> None:
    spine = pa.table({"id": [ANN], "as_of": [AS_OF]})
    view, lake = home.application.project.view(), home.application.lake
    retrieve.historical(view, DuckDBEngine(), lake, spine)


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises(HindcastError) as error:
        act()
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("is_log", [False, True], ids=["data", "log"])
@pytest.mark.parametrize("is_gone", [False, True], ids=["flipped", "gone"])
@pytest.mark.parametrize("seed", range(4))
def test_any_damage_is_found_before_a_release_is_trained_and_by_verify(
    lived: Home, is_log: bool, is_gone: bool, seed: int
) -> None:
    chosen, table = random.Random(seed), Path(lived.application.lake.uri(RAW))
    path = chosen.choice(sorted(table.glob("_delta_log/*.json" if is_log else "*.parquet")))
    at = None if is_gone else chosen.randrange(path.stat().st_size)
    with damaged(path, at):
        found = verify(lived).damage
        assert [path.name in each.what for each in found] == [True]
        assert found[0].what.startswith(f"{RAW}: ")
        assert path.name in refusal(lambda: lived.train(AS_OF))
        if is_log or is_gone:
            assert path.name in refusal(lived.materialize)
            assert path.name in refusal(lambda: lookup(lived))
            assert path.name in refusal(lambda: lived.ingest({"loan_id": 9_200_000}))
    assert verify(lived).damage == ()


def test_verify_says_which_run_wrote_what_is_damaged_and_when_it_was_last_seen_whole(
    lived: Home,
) -> None:
    ledger, table = lived.application.ledger, DeltaTable(lived.application.lake.uri(RAW))
    [ingest, *_] = ledger.runs("ingest", "succeeded", limit=1)
    newest = Path(table.table_uri.removeprefix("file://")) / "_delta_log"
    entry = newest / f"{table.version():020}.json"
    verify(lived)
    [seen, *_] = ledger.runs("verify", limit=1)
    with damaged(entry, None):
        [damage] = verify(lived).damage
    assert f"is missing (version {table.version()}, recorded 20" in damage.what
    assert f" by ingest {ingest.id}); last seen whole 20" in damage.what
    assert damage.what.endswith(f"by verify {seen.id}")


def test_every_table_is_recorded_whichever_engine_and_command_wrote_it(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.answer(ANN)
    home.materialize(engine="spark")
    home.application.lake.compact("predictions")
    hindsight.ingest(home.application, home.folder / "loans.csv")
    reports = {each.table: each for each in lake_verification.examined(home.application)}
    assert {"features/credit_history", "predictions", "quarantine/loans", RAW} <= {*reports}
    for name, report in reports.items():
        assert report.version == DeltaTable(home.application.lake.uri(name)).version()
        assert (report.commits, report.damages) == (report.version + 1, ())
    assert capsys.readouterr().err == ""


def test_two_writers_at_once_leave_a_table_that_is_recorded_whole(home: Home) -> None:
    def add(number: int) -> None:
        path = home.folder / f"{number}.csv"
        header, row = (home.folder / "loans.csv").read_text().splitlines()[:2]
        path.write_text(f"{header}\n{9_300_000 + number},{row.partition(',')[2]}\n")
        hindsight.ingest(Home(home.folder, home.database_url).application, path)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(8)))
    assert verify(home).damage == ()
    reports = {each.table: each for each in lake_verification.examined(home.application)}
    assert reports[RAW].commits == 1 + 1 + 8


@pytest.mark.parametrize("place", ["before", "after"])
def test_a_commit_whose_process_was_killed_is_recorded_by_the_next_command(
    home: Home, place: str
) -> None:
    more = home.folder / "more.csv"
    lines = (home.folder / "loans.csv").read_text().splitlines()
    more.write_text("\n".join([lines[0], f"9400000,{lines[1].partition(',')[2]}"]))
    crash = f"{place} hindcast.stores.lake:write_deltalake 1"
    variables = {
        "HINDCAST_DATABASE_URL": home.database_url,
        "HINDCAST_PROJECT": str(home.definitions.parent),
    }
    crashes.run_until_killed(crash, "ingest", str(more), "--home", str(home.folder), **variables)
    before = home.application.ledger.lake.recorded(RAW)
    lookup(home)
    after = home.application.ledger.lake.recorded(RAW)
    assert before
    assert after
    recovered = [each for each in after.commits if each.origin == "recovered"]
    assert len(recovered) == after.history.version - before.history.version
    assert [(each.kind, each.rows) for each in recovered] == [("ingest", 1)][: len(recovered)]
    assert len(recovered) == (1 if place == "after" else 0)
    assert verify(home).damage == ()


def test_a_commit_that_nobody_intended_is_refused_until_it_is_adopted(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = home.application.lake.uri(RAW)
    forged = DeltaTable(uri).to_pyarrow_table().slice(0, 1)
    write_deltalake(uri, forged, mode="append")
    version = DeltaTable(uri).version()
    assert f"{RAW}: nobody intended its version {version}; " in refusal(home.materialize)
    assert f"nobody intended its version {version}" in refusal(lambda: home.train(AS_OF))
    [damage] = verify(home).damage
    assert f"hindcast verify --adopt {RAW}" in damage.what
    code, out, _ = home.run(capsys, "verify", "--adopt", RAW)
    assert (code, f"{version + 1}" in out) == (0, True)
    assert verify(home).damage == ()
    home.materialize(force=True)


def test_an_intent_is_for_one_commit_and_one_table(home: Home) -> None:
    lake = home.application.lake
    forged = DeltaTable(lake.uri(RAW)).to_pyarrow_table().slice(0, 1)
    with lake.committing(RAW) as metadata:
        append(lake.uri(RAW), forged, metadata)
    append(lake.uri(RAW), forged, metadata)
    assert "nobody intended" in refusal(lambda: lookup(home))


def append(uri: str, rows: pa.Table, metadata: dict[str, str]) -> None:
    carried = CommitProperties(custom_metadata=dict(metadata))
    write_deltalake(uri, rows, mode="append", commit_properties=carried)


def test_a_lake_from_before_is_used_with_a_word_and_taken_as_it_is_by_its_next_commit(
    settled: Home, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = hindsight.copy(settled, tmp_path, database_url)
    lookup(home)
    assert f"{RAW}: written before the ledger recorded commits, and unverified; run: hindcast " in (
        capsys.readouterr().err
    )
    assert any(f"hindcast verify --adopt {RAW}" in why for why in verify(home).unproven)
    again = Home(home.folder, home.database_url)
    again.ingest({"loan_id": 9_500_000})
    assert f"{RAW}: written before the ledger recorded commits; taken as it is now" in (
        capsys.readouterr().err
    )
    assert not any(RAW in why for why in verify(again).unproven)
    origins = again.application.ledger.lake.recorded(RAW)
    assert origins
    assert [each.origin for each in origins.commits] == ["written", *2 * ["adopted"]]


def test_a_table_that_is_lost_is_not_taken_for_one_that_never_was(home: Home) -> None:
    table, elsewhere = Path(home.application.lake.uri(RAW)), home.folder / "elsewhere"
    table.rename(elsewhere)
    assert f"{RAW}: _delta_log/" in refusal(home.materialize)
    with pytest.raises(DamagedError, match="is missing"):
        home.ingest({"loan_id": 9_600_000})
    elsewhere.rename(table)
    home.materialize(force=True)


def test_a_checkpoint_and_what_is_older_are_looked_at_too(home: Home) -> None:
    uri = home.application.lake.uri(RAW)
    DeltaTable(uri).create_checkpoint()
    home.application.ledger.lake.adopt(RAW, "a test")
    lake_verification.adopt(home.application, RAW)
    [checkpoint] = Path(uri).glob("_delta_log/*.checkpoint.parquet")
    with damaged(checkpoint, checkpoint.stat().st_size // 2):
        assert checkpoint.name in refusal(home.materialize)


def test_a_planted_checkpoint_is_no_way_round_the_log(home: Home, tmp_path: Path) -> None:
    uri, planted = home.application.lake.uri(RAW), tmp_path / "planted"
    rows = DeltaTable(uri).to_pyarrow_table().slice(0, 5)
    for _ in range(2):
        write_deltalake(str(planted), rows, mode="append")
    DeltaTable(str(planted)).create_checkpoint()
    for name in ("_last_checkpoint", f"{1:020}.checkpoint.parquet"):
        (Path(uri) / "_delta_log" / name).write_bytes((planted / "_delta_log" / name).read_bytes())
    assert f"{RAW}: its list of files and columns is changed" in refusal(home.materialize)
