"""Files written otherwise: as the source declares its format, the same rows come out."""

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hindcast.definitions import Csv, JsonLines, Parquet, Source
from hindcast.definitions.formats import Format
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from tests.integration.orders import GOOD, HEADER, add, line, orders, quarantine, raw, write_csv
from tests.unit.formats.pack import zstd

GOOD_VALUES = {
    "id": 1, "day": "2021-05-01", "order": 10, "amount": 1.5, "count": 2, "rate": 0.25,
    "kind": "cash",
}  # fmt: skip


def written(form: Format, **columns: str) -> Source:
    """The source of orders, its files of that format; with some columns of another type."""
    checks = [] if columns else orders.checks
    return replace(orders, schema={**orders.schema, **columns}, checks=checks, format=form)


def text(delimiter: str = ",", **values: str) -> bytes:
    """A CSV file of one good row, with some of its values replaced."""
    good = dict(zip(HEADER.split(","), GOOD.split(","), strict=True)) | values
    return f"{delimiter.join(good)}\n{delimiter.join(good.values())}\n".encode()


@pytest.mark.parametrize(
    ("form", "name", "content"),
    [
        (Csv(delimiter=";"), "orders.csv", text(";")),
        (Csv(delimiter="\t"), "orders.tsv", text("\t")),
        (Csv(delimiter="|"), "orders.txt.gz", gzip.compress(text("|"))),
        (Csv(), "orders.csv.zst", zstd(text())),
        (Csv(delimiter=";", decimal=","), "orders.csv", text(";", amount="1,5", rate="0,25")),
        (Csv(decimal=","), "orders.csv", text(amount='"1,5"', rate='"0,25"')),
        (Csv(quote="'"), "orders.csv", text(kind="'cash'")),
        (Csv(encoding="utf-16"), "orders.csv", text().decode().encode("utf-16")),
        (Csv(dates="%d.%m.%Y"), "orders.csv", text(day="1.05.2021")),
    ],
    ids=[
        "semicolon",
        "tab",
        "bar, gz",
        "zst",
        "comma as point",
        "quoted comma",
        "quote",
        "utf-16",
        "dates",
    ],
)
def test_the_same_row_comes_out_however_csv_is_written(
    tmp_path: Path, lake: Lake, form: Csv, name: str, content: bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert add(path, lake, written(form)).accepted == 1
    add(write_csv(tmp_path, GOOD, name="usual.csv"), lake)
    [found, usual] = sorted(raw(lake), key=lambda row: str(row["_file"] == "usual.csv"))
    assert found | {"_file": ""} == usual | {"_file": ""}


def test_text_is_read_in_its_encoding_and_a_byte_that_is_none_is_one_bad_row(
    tmp_path: Path, lake: Lake
) -> None:
    path = tmp_path / "orders.csv"
    lines = [HEADER, line(kind="naïve €"), line(kind="caf?"), line(kind="“x”\n".strip())]
    path.write_bytes("\n".join(lines).encode("cp1252").replace(b"caf?", b"caf\x81"))
    add(path, lake, written(Csv(encoding="cp1252")))
    assert [row["kind"] for row in raw(lake)] == ["naïve €", "“x”"]
    [bad] = quarantine(lake)
    assert (bad["line"], bad["reason"]) == (3, "it is not CP1252 text")


def test_quotes_are_text_where_none_are_declared(tmp_path: Path, lake: Lake) -> None:
    path = write_csv(tmp_path, line(kind='"5" pipe'), line(kind='"'))
    add(path, lake, written(Csv(quote=None)))
    assert [row["kind"] for row in raw(lake)] == ['"5" pipe', '"']


def test_words_for_null_are_null_in_every_column(tmp_path: Path, lake: Lake) -> None:
    lines = [line(amount="NA", kind="-"), line(order="-"), line(amount="na")]
    add(write_csv(tmp_path, *lines, GOOD), lake, written(Csv(nulls=["NA", "-"])))
    row, _ = raw(lake)
    assert (row["amount"], row["kind"]) == (None, None)
    assert [bad["reason"] for bad in quarantine(lake)] == [
        "order is missing",
        "amount 'na' is not a decimal(18,6)",
    ]


@pytest.mark.parametrize(
    ("form", "day", "instant"),
    [
        (Csv(epoch="s"), "1619863200", datetime(2021, 5, 1, 10, tzinfo=UTC)),
        (Csv(epoch="s"), "1619863200.25", datetime(2021, 5, 1, 10, 0, 0, 250_000, tzinfo=UTC)),
        (Csv(epoch="ms"), "1619863200001", datetime(2021, 5, 1, 10, 0, 0, 1_000, tzinfo=UTC)),
        (Csv(epoch="us"), "-1", datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
        (Csv(epoch="s"), "1e10", datetime(2286, 11, 20, 17, 46, 40, tzinfo=UTC)),
        (Csv(epoch="us"), "0.5", None),
        (Csv(epoch="ms"), "1e30", None),
        (Csv(epoch="s"), "2021-05-01", None),
        (Csv(timestamps="%d/%m/%Y %H:%M"), "1/5/2021 10:00", datetime(2021, 5, 1, 10, tzinfo=UTC)),
        (
            Csv(timestamps="%Y-%m-%d %H:%M:%S %z"),
            "2021-05-01 10:00:00 +0200",
            datetime(2021, 5, 1, 8, tzinfo=UTC),
        ),
        (Csv(timestamps="%d/%m/%Y %H:%M"), "31/2/2021 10:00", None),
        (Csv(timestamps="%d/%m/%Y %H:%M"), "2021-05-01 10:00", None),
    ],
)
def test_instants_are_read_as_declared_and_no_other_way(
    tmp_path: Path, lake: Lake, form: Csv, day: str, instant: datetime | None
) -> None:
    add(write_csv(tmp_path, line(day=day)), lake, written(form, day="timestamp"))
    assert [row["day"] for row in raw(lake)] == ([instant] if instant else [])


@pytest.mark.parametrize("amount", ["1.234,5", "1.5", "1,2,3", "1,5e"])
def test_a_point_is_no_part_of_a_number_with_a_decimal_comma(
    tmp_path: Path, lake: Lake, amount: str
) -> None:
    source = written(Csv(delimiter=";", decimal=","))
    path = tmp_path / "orders.csv"
    path.write_bytes(text(";", amount=amount, rate="0,25"))
    add(path, lake, source)
    [bad] = quarantine(lake)
    assert bad["reason"] == f"amount '{amount}' is not a decimal(18,6) with a decimal comma"


def test_a_parquet_column_of_numbers_or_text_is_an_instant_where_that_is_declared(
    tmp_path: Path, lake: Lake
) -> None:
    table = pa.Table.from_pylist([GOOD_VALUES | {"day": 1619863200001, "kind": "NA"}])
    path = tmp_path / "orders.parquet"
    pq.write_table(table, path)
    add(path, lake, written(Parquet(epoch="ms", nulls=["NA"]), day="timestamp"))
    [row] = raw(lake)
    assert row["day"] == datetime(2021, 5, 1, 10, 0, 0, 1_000, tzinfo=UTC)
    assert row["kind"] is None


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd], ids=["plain", "gz", "zst"])
def test_json_lines_give_the_same_row_by_their_paths(
    tmp_path: Path, lake: Lake, pack: Callable[[bytes], bytes]
) -> None:
    ending = {bytes: "", gzip.compress: ".gz", zstd: ".zst"}[pack]
    record = {**GOOD_VALUES, "payment": {"of": {"amount": 1.5}}, "note": [1, 2]}
    del record["amount"]
    path = tmp_path / f"orders.jsonl{ending}"
    path.write_bytes(pack(json.dumps(record).encode() + b"\n\n"))
    add(path, lake, written(JsonLines(paths={"amount": "payment.of.amount"})))
    add(write_csv(tmp_path, GOOD), lake)
    by_csv, by_json = raw(lake)
    assert by_json | {"_file": ""} == by_csv | {"_file": ""}


def test_numbers_in_json_keep_every_digit(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "orders.jsonl"
    record = json.dumps(GOOD_VALUES).replace("1.5", "123456789012.123456")
    path.write_text(record.replace(": 10", ": 9007199254740993"))
    add(path, lake)
    [row] = raw(lake)
    assert (str(row["amount"]), row["order"]) == ("123456789012.123456", 2**53 + 1)


@pytest.mark.parametrize(
    ("bad_line", "reason"),
    [
        ("{", "it is not JSON: Expecting property name enclosed in double quotes at character 2"),
        ("[1]", "it is not a JSON object; write one object a line"),
        ('{"id": 1, "id": 2}', "it has a key twice"),
        (json.dumps(GOOD_VALUES | {"kind": {"a": 1}}), "kind is an object; declare the path"),
        (json.dumps(GOOD_VALUES | {"kind": "\ud800"}), "it is not UTF-8 text"),
        ('{"id": ' + "[" * 100_000, "its objects are nested too deep"),
        (json.dumps(GOOD_VALUES | {"rate": float("nan")}), "rate 'NaN' is not a finite number"),
        (json.dumps(GOOD_VALUES | {"order": None}), "order is missing"),
    ],
)
def test_a_line_that_is_no_row_is_kept_with_its_text(
    tmp_path: Path, lake: Lake, bad_line: str, reason: str
) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text(f"\n{json.dumps(GOOD_VALUES)}\n{bad_line}")
    assert add(path, lake).accepted == 1
    [bad] = quarantine(lake)
    assert bad["line"] == 3
    assert bad["reason"].startswith(reason)


def test_a_column_that_no_object_has_is_missing(tmp_path: Path, lake: Lake) -> None:
    path = tmp_path / "orders.jsonl"
    path.write_text(json.dumps(GOOD_VALUES))
    form = JsonLines(paths={"amount": "payment.amuont"})
    with pytest.raises(InputError, match=r"orders.jsonl: column 'amount' of .* is missing"):
        add(path, lake, written(form))
    assert raw(lake) == []


@pytest.mark.parametrize("name", ["orders.csv", "orders.jsonl", "orders.parquet"])
def test_an_optional_column_that_a_file_lacks_is_null(
    tmp_path: Path, lake: Lake, name: str
) -> None:
    values: dict[str, Any] = {key: value for key, value in GOOD_VALUES.items() if key != "kind"}
    path = tmp_path / name
    if name.endswith(".csv"):
        path.write_text(f"{','.join(values)}\n{','.join(map(str, values.values()))}\n")
    elif name.endswith(".jsonl"):
        path.write_text(json.dumps(values))
    else:
        pq.write_table(pa.Table.from_pylist([values]), path)
    with pytest.raises(InputError, match="column 'kind' of source 'orders' is missing"):
        add(path, lake)
    add(path, lake, replace(orders, optional=["kind", "rate"]))
    assert [(row["kind"], row["rate"]) for row in raw(lake)] == [(None, 0.25)]


def test_an_optional_column_in_other_letters_is_missing(tmp_path: Path, lake: Lake) -> None:
    path = write_csv(tmp_path, GOOD, header=HEADER.replace("kind", "Kind"))
    with pytest.raises(InputError, match="column 'kind' of source 'orders' is missing"):
        add(path, lake, replace(orders, optional=["kind"]))


def test_a_file_of_another_kind_than_declared_is_refused(tmp_path: Path, lake: Lake) -> None:
    path = write_csv(tmp_path, GOOD)
    with pytest.raises(InputError, match=r"^orders.csv: .* has files of format JsonLines; convert"):
        add(path, lake, written(JsonLines()))
    path.rename(tmp_path / "orders.txt")
    with pytest.raises(InputError, match=r"^orders.txt: not .csv, .jsonl or .parquet"):
        add(tmp_path / "orders.txt", lake)
