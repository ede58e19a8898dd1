"""What people and programs see: tables of every field, or one JSON document on one line."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hindcast.cli import console
from hindcast.cli.console import ConsoleProgress


@dataclass(frozen=True)
class Report:
    """A report as use cases return it."""

    rows_read: int = 1200
    share: float = 0.123456789
    at: datetime = datetime(2021, 9, 17, tzinfo=UTC)
    path: Path = Path("/data/lake")
    reasons: tuple[str, ...] = ()
    nulled: dict[str, int] = field(default_factory=dict)


Output = pytest.CaptureFixture[str]


def test_json_is_one_line_with_every_field(capsys: Output) -> None:
    console.show(Report(reasons=("a", "b"), nulled={"x > 0": 2}), as_json=True, title="ignored")
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert json.loads(out) == {
        "rows_read": 1200,
        "share": 0.123456789,
        "at": "2021-09-17T00:00:00+00:00",
        "path": "/data/lake",
        "reasons": ["a", "b"],
        "nulled": {"x > 0": 2},
    }


def test_a_mapping_is_a_report_too(capsys: Output) -> None:
    console.show({"rows": 3}, as_json=True)
    assert json.loads(capsys.readouterr().out) == {"rows": 3}


def test_a_number_that_json_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        console.show({"auc": float("nan")}, as_json=True)


def test_a_value_without_a_json_form_is_refused_by_its_type() -> None:
    with pytest.raises(TypeError, match="set has no JSON form"):
        console.json_value({1})


def test_people_see_a_title_and_one_row_per_field(capsys: Output) -> None:
    console.show(Report(), as_json=False, title="ingest")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["ingest"],
        ["rows", "read", "1200"],
        ["share", "0.123457"],
        ["at", "2021-09-17T00:00:00+00:00"],
        ["path", "/data/lake"],
        ["reasons", "none"],
        ["nulled", "none"],
    ]


def test_items_of_a_field_are_below_each_other(capsys: Output) -> None:
    console.show({"reasons": ["first", "second"], "nulled": {"x > 0": 2}}, as_json=False)
    out = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert [line.split() for line in out] == [
        ["reasons", "first"],
        ["second"],
        ["nulled", "x", ">", "0:", "2"],
    ]


def test_an_array_is_one_line_that_says_how_many_numbers_it_has(capsys: Output) -> None:
    console.show({"vector": [0.1, 2.0, 0.1234567, 4.0], "interval": [1.5, 2.5]}, as_json=False)
    assert capsys.readouterr().out == (
        " vector    0.1, 2, 0.123457, ... (4 numbers)\n interval  1.5\n           2.5\n"
    )


def test_records_in_a_report_are_a_table_that_counts_what_is_several(capsys: Output) -> None:
    views = [{"view": "history", "definition_hash": "0f", "overflows": {"a": 1}, "versions": ()}]
    console.show({"dropped": (), "views": views}, as_json=False)
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["dropped", "none"],
        ["views"],
        ["view", "definition", "hash", "overflows"],
        ["history", "0f", "1"],
    ]


def test_brackets_in_a_value_are_not_markup(capsys: Output) -> None:
    console.show({"reason": "x in [red] of 'a[/b]'"}, as_json=False)
    assert "x in [red] of 'a[/b]'" in capsys.readouterr().out


def test_a_long_value_is_whole_on_its_line(capsys: Output) -> None:
    console.show({"why": "because " * 50, "keys": ["k" * 300, "l"]}, as_json=False)
    why, key, other = capsys.readouterr().out.splitlines()
    assert why.split() == ["why", *["because"] * 50]
    assert (key.split(), other.split()) == (["keys", "k" * 300], ["l"])


def test_records_are_a_table_with_their_columns(capsys: Output) -> None:
    console.rows([{"id": 1, "score": 0.5}, {"id": 2, "score": None}], title="scores")
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line for line in lines if not set("".join(line)) <= set("━─")] == [
        ["scores"],
        ["id", "score"],
        ["1", "0.5"],
        ["2", "none"],
    ]


def test_brackets_in_records_are_text(capsys: Output) -> None:
    console.rows([{"name": "y[/b] [red]x"}])
    assert "y[/b] [red]x" in capsys.readouterr().out


def test_lines_hold_one_record_each_and_cut_the_last_column_alone(capsys: Output) -> None:
    console.lines([{"id": 1, "why": None}, {"id": 20, "why": "a\nb" * 50}])
    heading, short, long = capsys.readouterr().out.splitlines()
    assert (heading, short) == ("id  why", "1")
    assert long.startswith("20  a ba ba b")
    assert long.endswith("...")
    assert len(long) == console.LINE_WIDTH


def test_no_records_print_nothing(capsys: Output) -> None:
    console.rows([], title="scores")
    console.lines([])
    assert capsys.readouterr().out == ""


def test_progress_is_silent_where_nobody_watches(capsys: Output) -> None:
    progress = ConsoleProgress()
    progress.finish()
    progress.start("ingest", total=2)
    progress.advance(2)
    progress.finish()
    assert capsys.readouterr() == ("", "")
