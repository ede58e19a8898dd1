"""Point-in-time retrieval by command: files in, files out, and what is wrong with them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from hindcast import cli, names
from hindcast.compiler.features import CompiledView
from hindcast.stores.lake import Lake
from tests.integration.lending import APRIL, FEBRUARY, lake_of, published, recorded, view_of
from tests.integration.orders import write_csv

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def view(tmp_path: Path) -> CompiledView:
    return view_of(tmp_path / "project")


@pytest.fixture
def lake(tmp_path: Path, view: CompiledView) -> Lake:
    return lake_of(tmp_path / "home", view)


@pytest.fixture
def hindcast(
    lake: Lake,
    tmp_path: Path,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Run a command over that lake; its exit code and what it printed."""
    recorded(lake, database_url)
    monkeypatch.setenv(names.ENV_LAKE, lake.root)
    monkeypatch.setenv(names.ENV_DATABASE_URL, database_url)
    where = ["--home", str(tmp_path / "home"), "--project", str(tmp_path / "project")]

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hindcast", *map(str, arguments), *where])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def spine_csv(folder: Path, *lines: str, header: str = "id,as_of,note") -> Path:
    return write_csv(folder, *lines, header=header, name="spine.csv")


def test_both_clocks_are_options_of_the_command(hindcast: Command, tmp_path: Path) -> None:
    spine = spine_csv(tmp_path, "1,2021-02-01,x")
    counts = []
    for known_by in (["--known-by", "2021-04-01"], ["--known-by", "2021-02-01"], []):
        out = tmp_path / "out.csv"
        code, _, _ = hindcast("get-historical-features", "--spine", spine, "--out", out, *known_by)
        assert code == 0
        counts.append(pyarrow.csv.read_csv(out)["loans_before"].to_pylist())
    assert counts == [[2], [1], [1]]  # Without an option a row knows by its own instant.


def test_the_command_takes_and_writes_csv_and_parquet_alike(
    hindcast: Command, tmp_path: Path
) -> None:
    lines = ("2,2021-04-01,a", '1,2021-02-01T00:00:00Z,"b, c"', "9,2021-02-01,", "2,2021-04-01,a")
    text = spine_csv(tmp_path, *lines)
    typed = tmp_path / "typed.parquet"
    instants = [APRIL, FEBRUARY, FEBRUARY, APRIL]
    notes = ["a", "b, c", None, "a"]
    pq.write_table(pa.table({"id": [2, 1, 9, 2], "as_of": instants, "note": notes}), typed)
    found = []
    for spine, out in ((text, "a.parquet"), (typed, "b.parquet"), (text, "c.csv")):
        code, printed, _ = hindcast(
            "get-historical-features", "--spine", spine, "--out", tmp_path / out, "--json"
        )
        report = json.loads(printed)
        assert (code, report["rows"], report["unknown_keys"]) == (0, 4, 1)
        assert report["seconds"] > 0
        found.append(tmp_path / out)
    by_text, by_types = (pq.read_table(path) for path in found[:2])
    assert by_text["as_of"].to_pylist() == [line.split(",")[1] for line in lines]
    computed = by_types.column_names[3:]
    assert by_text.select(computed).equals(by_types.select(computed))
    again = pyarrow.csv.read_csv(found[2])
    assert again["loans_before"].to_pylist() == [1, 1, 0, 1]
    assert again["note"].to_pylist() == ["a", "b, c", "", "a"]


@pytest.mark.parametrize(
    ("header", "lines", "reason"),
    [
        ("who,as_of", ["1,2021-02-01"], "spine.csv: column 'id' is missing; there is who, as_of"),
        ("id,day", ["1,2021-02-01"], "spine.csv: column 'as_of' or 'event_timestamp' is missing"),
        (
            "id,as_of",
            ["1,2021-02-01", "", "2,01/02/2021"],
            "spine.csv line 4: as_of '01/02/2021': not a date or instant; write 2021-09-17 or",
        ),
        ("id,as_of", ["1,"], "spine.csv line 2: column 'as_of' is empty; give it a value"),
        ("id,as_of", [",2021-02-01"], "spine.csv line 2: column 'id' is empty; give it a value"),
        ("id,as_of", ["1,2021-02-01", "1e3,2021-02-01"], "spine.csv line 3: id '1e3' is not a"),
        ("id,as_of", ["1,2021-02-01", "2"], "spine.csv line 3: "),
        ("id,as_of,age", ["1,2021-02-01,3"], "spine.csv: column 'age' has the name of a feature"),
    ],
)
def test_a_spine_file_that_is_wrong_is_one_line_and_exit_2(
    hindcast: Command, tmp_path: Path, header: str, lines: list[str], reason: str
) -> None:
    spine, out = spine_csv(tmp_path, *lines, header=header), tmp_path / "out.csv"
    code, printed, error = hindcast("get-historical-features", "--spine", spine, "--out", out)
    assert (code, printed) == (2, "")
    assert error.startswith(f"hindcast: {reason}")
    assert error.count("\n") == 1
    assert not out.exists()


def test_files_that_are_no_tables_are_refused(hindcast: Command, tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.touch()
    notes = tmp_path / "notes.txt"
    notes.write_text("id,as_of\n")
    good = spine_csv(tmp_path, "1,2021-02-01,x")
    out = tmp_path / "out.csv"
    wrong = [
        (empty, out, "empty.csv: the file is empty"),
        (notes, out, "notes.txt: not .csv, .jsonl or .parquet"),
        (tmp_path / "gone.csv", out, f"{tmp_path / 'gone.csv'}: no such file"),
        (good, tmp_path / "out.txt", f"{tmp_path / 'out.txt'}: "),
        (good, tmp_path / "no" / "out.csv", f"{tmp_path / 'no' / 'out.csv'}: "),
    ]
    for spine, target, reason in wrong:
        code, _, error = hindcast("get-historical-features", "--spine", spine, "--out", target)
        assert code == 2
        assert error.startswith(f"hindcast: {reason}")


def test_a_parquet_spines_row_is_named_by_its_number(hindcast: Command, tmp_path: Path) -> None:
    spine = tmp_path / "spine.parquet"
    pq.write_table(pa.table({"id": [1, None], "as_of": [APRIL, APRIL]}), spine)
    code, _, error = hindcast(
        "get-historical-features", "--spine", spine, "--out", tmp_path / "out.csv"
    )
    assert (code, error) == (
        2, "hindcast: spine.parquet row 2: column 'id' is empty; give it a value\n",
    )  # fmt: skip


def test_the_command_shows_online_rows_to_people_and_to_programs(
    hindcast: Command, lake: Lake, view: CompiledView, database_url: str
) -> None:
    published(view, lake, database_url)
    code, printed, _ = hindcast("get-online-features", "2", "9", "--json")
    known, unknown = json.loads(printed)
    assert code == 0
    assert (known["loans_before"], known["rate"], known["born"]) == (1, None, None)
    assert known["features_as_of"] == APRIL.isoformat()
    assert unknown == dict.fromkeys(known) | {"id": 9}
    code, printed, _ = hindcast("get-online-features", "1", "--json")
    assert json.loads(printed)[0]["born"] == "1990-02-01"
    code, printed, _ = hindcast("get-online-features", "1")
    shown = [line.split() for line in printed.splitlines()]
    assert ["loans", "before", "2"] in shown


def test_keys_may_be_in_a_file_and_the_rows_too(
    hindcast: Command, lake: Lake, view: CompiledView, database_url: str, tmp_path: Path
) -> None:
    published(view, lake, database_url)
    keys = write_csv(tmp_path, "2", "1", header="id", name="keys.csv")
    out = tmp_path / "out.parquet"
    code, printed, _ = hindcast("get-online-features", "--keys", keys, "--out", out, "--json")
    assert (code, json.loads(printed)) == (0, {"rows": 2, "file": str(out)})
    assert pq.read_table(out)["id"].to_pylist() == [2, 1]
    wrong: list[tuple[list[Any], str]] = [
        ([], "give either the keys or a file of them with --keys"),
        (["1", "--keys", keys], "give either the keys or a file of them with --keys"),
        (["x"], "keys row 1: id 'x' is not a bigint; correct the key"),
        (["1", "--out", "rows.txt"], "rows.txt: end the file's name in"),
        (["--keys", write_csv(tmp_path, "1", "", header="id")], "orders.csv line 3: column 'id'"),
    ]
    for arguments, reason in wrong:
        code, _, error = hindcast("get-online-features", *arguments)
        assert code == 2
        assert error.startswith(f"hindcast: {reason}")
