"""Rows that ingest refuses: each goes to quarantine with line, value and reason."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from hindcast.stores.lake import Lake
from tests.integration.orders import (
    GOOD,
    HEADER,
    NOW,
    add,
    line,
    orders,
    quarantine,
    raw,
    write_csv,
)


def test_a_bad_row_is_kept_with_file_line_value_reason_and_the_row_as_it_was(
    tmp_path: Path, lake: Lake
) -> None:
    report = add(write_csv(tmp_path, GOOD, line(amount="-12")), lake)
    [bad] = quarantine(lake)
    assert bad.pop("record") == json.dumps(
        {"id": "1", "day": "2021-05-01", "order": "10", "amount": "-12", "count": "2",
         "rate": "0.25", "kind": "cash"}, separators=(",", ":"),
    )  # fmt: skip
    assert bad == {
        "file": "orders.csv", "digest": report.digest, "line": 3, "field": "amount",
        "value": "-12", "reason": "amount '-12' breaks check \"amount > 0\"", "recorded_at": NOW,
    }  # fmt: skip
    assert report.reasons == (
        "orders.csv line 3: amount '-12' breaks check \"amount > 0\"; row quarantined",
    )


def test_a_row_with_several_faults_is_one_row_with_every_reason(tmp_path: Path, lake: Lake) -> None:
    add(write_csv(tmp_path, line(day="2021-02-30", order="x", amount="0")), lake)
    [bad] = quarantine(lake)
    assert bad["reason"].split("; ") == [
        "day '2021-02-30' is not a date (YYYY-MM-DD)",
        "order 'x' is not a whole number",
        "amount '0' breaks check \"amount > 0\"",
    ]
    assert (bad["field"], bad["value"]) == ("day", "2021-02-30")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("count", "1.5", "count '1.5' is not a whole number"),
        ("count", "1e1", "count '1e1' is not a whole number"),
        ("count", "15e-1", "count '15e-1' is not a whole number"),
        ("count", "9223372036854775808", "count '9223372036854775808' is not a whole number"),
        ("amount", "1.1234567", "amount '1.1234567' is not a decimal(18,6)"),
        ("amount", "1e-7", "amount '1e-7' is not a decimal(18,6)"),
        ("amount", "1234567890123", "amount '1234567890123' is not a decimal(18,6)"),
        ("amount", "n/a", "amount 'n/a' is not a decimal(18,6)"),
        ("rate", "nan", "rate 'nan' is not a finite number"),
        ("rate", "-Infinity", "rate '-Infinity' is not a finite number"),
        ("rate", "1e400", "rate '1e400' is not a finite number"),
        ("day", "2021-02-29", "day '2021-02-29' is not a date (YYYY-MM-DD)"),
        ("day", "01/05/2021", "day '01/05/2021' is not a date (YYYY-MM-DD)"),
        ("day", "2021-05-01 10:00:00", "day '2021-05-01 10:00:00' is not a date (YYYY-MM-DD)"),
        ("day", "10000-01-01", "day '10000-01-01' is not a date (YYYY-MM-DD)"),
        ("day", "10000-01-1", "day '10000-01-1' is not a date (YYYY-MM-DD)"),
        ("day", "0000-12-31", "day '0000-12-31' is not a date (YYYY-MM-DD)"),
        ("day", "infinity", "day 'infinity' is not a date (YYYY-MM-DD)"),
        ("id", "", "id is missing"),
        ("day", "", "day is missing"),
        ("order", "", "order is missing"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_named(
    tmp_path: Path, lake: Lake, field: str, value: str, reason: str
) -> None:
    add(write_csv(tmp_path, line(**{field: value})), lake)
    [bad] = quarantine(lake)
    assert (bad["field"], bad["value"], bad["reason"]) == (field, value or None, reason)
    assert raw(lake) == []


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1.1234560000", "1.123456"),
        ("1e2", "100"),
        (".5", "0.5"),
        ("999999999999.999999", "999999999999.999999"),
    ],
)
def test_more_digits_than_the_type_has_are_fine_when_nothing_is_rounded(
    tmp_path: Path, lake: Lake, text: str, amount: str
) -> None:
    add(write_csv(tmp_path, line(amount=text)), lake)
    assert [row["amount"] for row in raw(lake)] == [Decimal(amount)]


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_the_first_and_the_last_day_that_python_has_are_dates(
    tmp_path: Path, lake: Lake, day: str
) -> None:
    add(write_csv(tmp_path, line(day=day)), lake)
    assert [row["day"].isoformat() for row in raw(lake)] == [day]


def test_lines_with_too_few_or_too_many_columns_are_kept_as_they_were(
    tmp_path: Path, lake: Lake
) -> None:
    add(write_csv(tmp_path, GOOD, "1,2021-05-01", f"{GOOD},surplus", GOOD), lake)
    few, many = quarantine(lake)
    assert (few["line"], few["record"]) == (3, "1,2021-05-01")
    assert (many["line"], many["record"]) == (4, f"{GOOD},surplus")
    assert few["reason"] == "2 columns where the header has 7"
    assert many["reason"] == "8 columns where the header has 7"
    assert len(raw(lake)) == 2


def test_bytes_that_are_not_utf8_are_one_bad_row(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "orders.csv"
    latin = line(kind="café").encode("latin-1")
    path.write_bytes(b"\n".join([HEADER.encode(), GOOD.encode(), latin, GOOD.encode(), b""]))
    add(path, lake)
    [bad] = quarantine(lake)
    assert bad["line"] == 3
    assert bad["reason"] == "it is not UTF-8 text"
    assert len(raw(lake)) == 2


def test_a_record_over_many_lines_is_quarantined_with_its_whole_text(
    tmp_path: Path, lake: Lake
) -> None:
    swallowed = [line(order=str(n)) for n in range(1000)]
    lines = [line(kind='"open'), *swallowed, line(kind='"closed"')]
    report = add(write_csv(tmp_path, GOOD, *lines, GOOD), lake)
    [bad] = quarantine(lake)
    assert (bad["line"], bad["record"]) == (3, "\n".join(lines))
    assert bad["reason"].startswith("text stands beside a quoted value")
    assert (report.accepted, report.quarantined) == (2, 1)


def test_a_text_with_nul_is_refused_because_no_store_can_hold_it(
    tmp_path: Path, lake: Lake
) -> None:
    add(write_csv(tmp_path, line(kind="a\0b"), GOOD), lake)
    [bad] = quarantine(lake)
    assert (bad["line"], bad["reason"]) == (2, "kind holds NUL, which no store can")
    assert len(raw(lake)) == 1


@pytest.mark.parametrize(("key", "is_held"), [("é" * 1300, True), ("é" * 1300 + "x", False)])
def test_a_key_has_as_many_bytes_as_postgres_can_index(
    tmp_path: Path, lake: Lake, key: str, is_held: bool
) -> None:
    source = replace(orders, schema={**orders.schema, "id": "string"})
    report = add(write_csv(tmp_path, line(id=key)), lake, source)
    assert report.accepted == is_held
    assert [bad["reason"] for bad in quarantine(lake)] == (
        [] if is_held else ["id has 2601 bytes; a key may have 2600"]
    )


def test_a_file_of_bad_rows_only_makes_an_empty_raw_table(tmp_path: Path, lake: Lake) -> None:
    report = add(write_csv(tmp_path, "1,2", line(id="")), lake)
    assert (report.accepted, report.quarantined) == (0, 2)
    assert raw(lake) == []
