"""Whatever ingest accepts is served: each row is in quarantine with a reason, or online."""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hindcast.compiler.features import compile_view
from hindcast.compiler.query import Knowledge
from hindcast.data import retrieve
from hindcast.data.materialize import materialize
from hindcast.definitions import Entity, Feature, FeatureView, Source, latest
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore
from tests.integration.orders import NOW, add, quarantine, raw

END = datetime.max.replace(tzinfo=UTC)
INSTANTS = """2021-05-01|0001-01-01|1582-10-10 01:02:03|1899-12-31 23:59:59.999999
9999-12-31 23:59:59.999998|9999-12-31 23:59:59.999999|2021-05-01 10:00:00.0000001
9999-12-31T23:59:59-01:00|0000-12-31|10000-01-01|infinity|-infinity
292278994-01-01|4714-01-01 (BC)|2021-03-28 02:30:00+02:00""".replace("\n", "|").split("|")
DAYS = """2021-05-01|0001-01-01|9999-12-31|1582-10-10|0000-01-01|10000-01-01|infinity
5874898-01-01|1900-02-29""".replace("\n", "|").split("|")
# Column -> texts of it, of which the first is an ordinary one.
TEXTS = {
    "key": ["k", "'\"", "\n", "🦆", "k" * 2590, "🦆" * 649, "k" * 2601, "\0"],
    "at": INSTANTS,
    "note": [
        "plain",
        "",
        '"',
        "a\nb",
        "a\r\nb",
        "\0",
        "🦆\u200d'",
        "\\N",
        "NULL",
        " ",
        "x" * 100_000,
    ],
    "day": DAYS,
    "seen": INSTANTS,
    "number": ["0", str(2**63 - 1), str(-(2**63)), str(2**63), "1e400", "nan"],
    "rate": [
        "0.1",
        "1.7976931348623157e308",
        "-5e-324",
        "-0.0",
        "1e309",
        "inf",
        "-Infinity",
        "nan",
    ],
    "money": ["0.1", "9" * 29 + "." + "9" * 9, "-" + "9" * 29, "1" + "0" * 29, "1e-10", "nan"],
}
SCHEMA = {
    "key": "string",
    "at": "timestamp",
    "note": "string",
    "day": "date",
    "seen": "timestamp",
    "number": "bigint",
    "rate": "double",
    "money": "decimal(38,9)",
}
SOURCE = Source("events", Entity("thing", key="key"), "at", "number", SCHEMA)
FEATURES = ("note", "day", "seen", "number", "rate", "money")
VIEW = compile_view(
    FeatureView("things", SOURCE, [Feature(name, name, over=latest()) for name in FEATURES])
)
Row = tuple[str, ...]
PLAIN: Row = tuple(texts[0] for texts in TEXTS.values())
# Each text in a row of its own, where nothing else can be the reason.
ONE_BY_ONE = [
    (*PLAIN[:column], text, *PLAIN[column + 1 :])
    for column, texts in enumerate(TEXTS.values())
    for text in texts
]
FREE = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ROWS = st.lists(
    st.tuples(
        *(
            st.sampled_from(texts) | FREE if SCHEMA[name] == "string" else st.sampled_from(texts)
            for name, texts in TEXTS.items()
        )
    ),
    max_size=12,
)


def write_csv(path: Path, rows: list[Row]) -> Path:
    path = path.with_suffix(".csv")
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([tuple(SCHEMA), *rows])
    return path


def write_parquet(path: Path, rows: list[Row]) -> Path:
    path = path.with_suffix(".parquet")
    columns = zip(SCHEMA, zip(*rows, strict=True), strict=True)
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns}), path)
    return path


@pytest.fixture(scope="module")
def store(module_database_url: str) -> Iterator[OnlineStore]:
    with OnlineStore(module_database_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """An empty folder per example."""
    numbers = count()
    return lambda: tmp_path_factory.mktemp(f"example{next(numbers)}")


@pytest.mark.parametrize("write", [write_csv, write_parquet])
@settings(max_examples=8, deadline=None, derandomize=True)
@example(rows=ONE_BY_ONE)
@given(rows=ROWS)
def test_a_row_is_quarantined_with_a_reason_or_served_as_it_was_accepted(
    store: OnlineStore,
    folders: Callable[[], Path],
    write: Callable[[Path, list[Row]], Path],
    rows: list[Row],
) -> None:
    folder = folders()
    lake = Lake(str(folder / "lake"))
    numbered = [(f"{number}{key}", *values) for number, (key, *values) in enumerate([PLAIN, *rows])]
    report = add(write(folder / "events", numbered), lake, SOURCE)
    assert report.rows == len(numbered)
    accepted = {row["key"]: row for row in raw(lake, SOURCE)}
    refused = quarantine(lake, SOURCE)
    assert len(accepted) + len(refused) == len(numbered)
    assert all(row["reason"].startswith(f"{row['field']} ") for row in refused)
    assert "0k" in accepted

    materialize(VIEW, DuckDBEngine(), lake, store, Knowledge(END, NOW), force=True)
    keys = list(accepted)
    spine = pa.table({"key": keys, "as_of": [END] * len(keys)})
    offline = retrieve.historical(VIEW, DuckDBEngine(), lake, spine)
    online = retrieve.online(VIEW, store.url, keys, END)
    for name in FEATURES:
        expected = [accepted[key][name] for key in keys]
        assert offline[name].to_pylist() == expected
        # A decimal is served as the number of JSON that it is nearest to.
        assert online[name].to_pylist() == offline[name].cast(online[name].type).to_pylist()
