"""What ingest accepts: exact values, each file once, each check counted, each row's origin."""

import csv
import gzip
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from examples.credit_risk.definitions import loans
from hindcast.data.ingest import IngestReport
from hindcast.demo.generate import generate
from hindcast.stores.lake import Lake
from tests.integration.orders import GOOD, HEADER, NOW, add, orders, quarantine, raw, write_csv

LATER = NOW + timedelta(days=1)


def test_an_accepted_row_carries_its_values_when_it_was_learned_of_and_where_it_came_from(
    tmp_path: Path, lake: Lake
) -> None:
    report = add(write_csv(tmp_path, GOOD), lake)
    assert raw(lake) == [
        {
            "id": 1, "day": date(2021, 5, 1), "order": 10, "amount": Decimal("1.500000"),
            "count": 2, "rate": 0.25, "kind": "cash",
            "recorded_at": NOW, "_ingested_at": NOW, "_file": "orders.csv", "_row": 0,
        }
    ]  # fmt: skip
    assert report.file == "orders.csv"
    assert (report.rows, report.accepted, report.quarantined) == (1, 1, 0)


def test_a_source_that_says_when_a_row_was_recorded_is_believed(tmp_path: Path, lake: Lake) -> None:
    schema = {**orders.schema, "learned": "timestamp"}
    source = replace(orders, schema=schema, recorded_at="learned")
    lines = [f"{GOOD},2021-05-02 10:00:00+02", f"{GOOD},"]
    add(write_csv(tmp_path, *lines, header=f"{HEADER},learned"), lake, source)
    [row] = raw(lake)
    assert row["recorded_at"] == row["learned"] == datetime(2021, 5, 2, 8, tzinfo=UTC)
    assert row["_ingested_at"] == NOW
    assert [bad["reason"] for bad in quarantine(lake)] == ["learned is missing"]


def test_a_check_that_nulls_empties_the_field_and_is_counted(tmp_path: Path, lake: Lake) -> None:
    lines = [GOOD, "1,2021-05-01,11,1,100,0,x", "1,2021-05-01,12,1,250,0,x"]
    report = add(write_csv(tmp_path, *lines), lake)
    assert [row["count"] for row in raw(lake)] == [2, None, None]
    assert report.nulled == {"count < 100": 2}


def test_a_check_that_warns_keeps_the_value_and_is_counted(tmp_path: Path, lake: Lake) -> None:
    report = add(write_csv(tmp_path, GOOD, "1,2021-05-01,11,1,1,-3,x"), lake)
    assert [row["rate"] for row in raw(lake)] == [0.25, -3.0]
    assert report.warned == {"rate >= 0": 1}


def test_checks_are_counted_on_accepted_rows_only(tmp_path: Path, lake: Lake) -> None:
    report = add(write_csv(tmp_path, "1,2021-05-01,10,-1,100,-1,x"), lake)
    assert report.quarantined == 1
    assert (report.nulled, report.warned) == ({"count < 100": 0}, {"rate >= 0": 0})


def test_a_null_passes_every_check(tmp_path: Path, lake: Lake) -> None:
    report = add(write_csv(tmp_path, "1,2021-05-01,10,,,,"), lake)
    assert report.accepted == 1
    assert (report.nulled, report.warned) == ({"count < 100": 0}, {"rate >= 0": 0})
    [row] = raw(lake)
    assert [row[name] for name in ("amount", "count", "rate", "kind")] == [None] * 4


def test_quotes_hold_commas_quotes_and_line_breaks(tmp_path: Path, lake: Lake) -> None:
    start = GOOD.removesuffix("cash")
    lines = [f'{start}"two\nlines"', f'{start}"a ""b"", c"', f"{start}naïve €"]
    add(write_csv(tmp_path, *lines), lake)
    assert [row["kind"] for row in raw(lake)] == ["two\nlines", 'a "b", c', "naïve €"]


@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("orders.csv", lambda text: b"\xef\xbb\xbf" + text),
        ("orders.csv", lambda text: text.replace(b"\n", b"\r\n")),
        ("orders.csv", lambda text: text.removesuffix(b"\n")),
        ("orders.csv.gz", gzip.compress),
    ],
    ids=["byte order mark", "windows line ends", "no last line end", "gzip"],
)
def test_the_same_rows_come_out_however_the_text_is_packed(
    tmp_path: Path, lake: Lake, name: str, encode: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / name
    path.write_bytes(encode(f"{HEADER}\n{GOOD}\n{GOOD}\n".encode()))
    assert add(path, lake).accepted == 2
    assert {(row["id"], row["kind"]) for row in raw(lake)} == {(1, "cash")}


def test_columns_go_by_name_and_unknown_ones_are_left_out(tmp_path: Path, lake: Lake) -> None:
    header = ",".join(["note", *reversed(HEADER.split(","))])
    values = ",".join(["hello", *reversed(GOOD.split(","))])
    add(write_csv(tmp_path, values, header=header), lake)
    [row] = raw(lake)
    assert (row["id"], row["kind"], row["amount"]) == (1, "cash", Decimal("1.5"))
    assert "note" not in row


@pytest.mark.parametrize("column", ["_text", "_parsed", "_reason", "_row", "recorded_at"])
def test_an_unknown_column_may_have_any_name(tmp_path: Path, lake: Lake, column: str) -> None:
    lines = [f"{GOOD},hello", f"?{GOOD[1:]},hello"]
    add(write_csv(tmp_path, *lines, header=f"{HEADER},{column}"), lake)
    assert [(row["id"], row["recorded_at"]) for row in raw(lake)] == [(1, NOW)]
    [bad] = quarantine(lake)
    assert bad["reason"] == "id '?' is not a whole number"
    assert f'"{column}":"hello"' in bad["record"]


def test_a_declared_column_may_be_named_like_a_word_of_the_query(
    tmp_path: Path, lake: Lake
) -> None:
    source = replace(orders, schema={**orders.schema, "_text": "string", "select": "bigint"})
    lines = [f"{GOOD},hello,7", f"{GOOD},hello,seven"]
    add(write_csv(tmp_path, *lines, header=f"{HEADER},_text,select"), lake, source)
    assert [(row["_text"], row["select"]) for row in raw(lake)] == [("hello", 7)]
    assert [bad["value"] for bad in quarantine(lake)] == ["seven"]


@pytest.mark.parametrize("name", ["orders[1].csv", "orders*.csv", "orders?.csv", "it's %20 é.csv"])
def test_the_file_named_is_read_and_no_other_that_its_name_matches_as_a_pattern(
    tmp_path: Path, lake: Lake, name: str
) -> None:
    write_csv(tmp_path, "9,2021-05-01,10,1.5,2,0.25,wrong", name="orders1.csv")
    add(write_csv(tmp_path, GOOD, name=name), lake)
    assert [(row["id"], row["kind"], row["_file"]) for row in raw(lake)] == [(1, "cash", name)]


def test_a_column_declared_later_is_null_on_the_rows_before(tmp_path: Path, lake: Lake) -> None:
    add(write_csv(tmp_path, GOOD), lake)
    source = replace(orders, schema={**orders.schema, "note": "string"})
    path = write_csv(tmp_path, f"{GOOD},hello", header=f"{HEADER},note", name="with_note.csv")
    add(path, lake, source)
    assert [row["note"] for row in raw(lake)] == [None, "hello"]


def test_a_header_alone_is_a_file_of_no_rows(tmp_path: Path, lake: Lake) -> None:
    path = write_csv(tmp_path)
    assert add(path, lake).rows == 0
    assert add(path, lake).already_ingested


def test_the_same_file_again_adds_nothing_and_says_so(tmp_path: Path, lake: Lake) -> None:
    path = write_csv(tmp_path, GOOD, "torn")
    first, again = add(path, lake), add(path, lake, now=LATER)
    assert again == IngestReport("orders.csv", first.digest, 0, 0, 0, already_ingested=True)
    assert (len(raw(lake)), len(quarantine(lake))) == (1, 1)


def test_the_same_bytes_under_another_name_add_nothing(tmp_path: Path, lake: Lake) -> None:
    add(write_csv(tmp_path, GOOD), lake)
    assert add(write_csv(tmp_path, GOOD, name="copy.csv"), lake).already_ingested
    assert [row["_file"] for row in raw(lake)] == ["orders.csv"]


def test_other_bytes_under_the_same_name_are_added(tmp_path: Path, lake: Lake) -> None:
    add(write_csv(tmp_path, GOOD), lake)
    report = add(write_csv(tmp_path, GOOD, GOOD), lake, now=LATER)
    assert (report.accepted, len(raw(lake))) == (2, 3)
    assert {row["recorded_at"] for row in raw(lake)} == {NOW, LATER}


def test_the_accepted_money_of_a_file_adds_up_to_the_last_digit(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "loans.csv"
    planted = generate(path, customers=300, seed=7)
    report = add(path, lake, loans)
    assert (report.rows, report.quarantined) == (planted.rows, planted.rejected)
    refused = {row["line"] for row in quarantine(lake, loans)}
    with path.open(newline="") as stream:
        lines = [row for line, row in enumerate(csv.DictReader(stream), 2) if line not in refused]
    amounts = [row["loan_amount"] for row in raw(lake, loans)]
    assert sum(amounts) == sum(Decimal(row["loan_amount"]) for row in lines)


def test_a_job_start_in_the_year_3021_is_emptied_and_counted(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "loans.csv"
    planted = generate(path, customers=50, seed=7)
    report = add(path, lake, loans)
    assert ",3021-" in path.read_text()
    assert report.nulled == {"job_start_date <= loan_date": planted.later_jobs}
    starts = [row["job_start_date"] for row in raw(lake, loans)]
    assert starts.count(None) == planted.later_jobs
    assert max(start for start in starts if start) < date(2021, 9, 17)
