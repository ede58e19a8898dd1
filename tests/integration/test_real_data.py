"""The 777,715 real loans: every row against pandas, every customer against the historical query."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from hindcast import names, project
from hindcast.compiler.query import Knowledge
from hindcast.compiler.service import of_view
from hindcast.compiler.serving import serving_query
from hindcast.data import known_then
from hindcast.data import spine as spines
from hindcast.data.ingest import IngestReport
from hindcast.data.materialize import MaterializeReport, materialize
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.database import connect
from hindcast.stores.lake import Lake
from hindcast.stores.online import OnlineStore
from tests.integration.orders import NOW, add, quarantine

LOANS = Path(__file__).parents[3] / "shared" / "data" / "loans.parquet"
VIEW = project.load(None).view("credit_history")
AS_OF = datetime(2021, 9, 17, tzinfo=UTC)
DAY = "2021-09-17"  # The file holds dates as ISO text.
KNOWLEDGE = Knowledge(AS_OF, NOW)
# Lines that cannot be accepted, at these lines of the CSV file.
SPOILED = {line: "torn" if line % 2 else "?" * 3 + "," * 23 for line in range(2, 777_000, 31_337)}

pytestmark = pytest.mark.skipif(not LOANS.is_file(), reason=f"there is no {LOANS}")


@dataclass(frozen=True)
class Run:
    """The real loans after ingest and materialize."""

    lake: Lake
    database_url: str
    ingested: IngestReport
    materialized: MaterializeReport

    def table(self, *parts: str) -> DeltaTable:
        return self.lake.open(*parts, fix="")


def spoil(clean: Path, spoiled: Path) -> None:
    """Copy a file, with bad lines put in."""
    number = 0
    with clean.open() as lines, spoiled.open("w") as out:
        for line in lines:
            number += 1
            while number in SPOILED:
                out.write(SPOILED[number] + "\n")
                number += 1
            out.write(line)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, module_database_url: str) -> Run:
    folder = tmp_path_factory.mktemp("real")
    with duckdb.connect() as connection:
        connection.execute(f"COPY (FROM '{LOANS}') TO '{folder / 'clean.csv'}' (HEADER)")
    spoil(folder / "clean.csv", folder / "loans.csv")
    lake = Lake(str(folder / "lake"))
    ingested = add(folder / "loans.csv", lake, VIEW.view.source)
    with OnlineStore(module_database_url) as store:
        done = materialize(VIEW, DuckDBEngine(), lake, store, KNOWLEDGE)
    return Run(lake, module_database_url, ingested, done)


@pytest.fixture(scope="module")
def loans() -> pd.DataFrame:
    """The file as pandas reads it, each customer's loans in order of time; money in millionths."""
    columns = ["id", "loan_date", "loan_id", "loan_amount"]
    frame = pd.read_parquet(LOANS, columns=columns).sort_values(columns[:3])
    frame["micros"] = (frame.pop("loan_amount").astype(float) * 1e6).round().astype("int64")
    return frame.reset_index(drop=True)


def test_every_real_loan_is_accepted_and_every_spoiled_line_is_found(run: Run) -> None:
    assert run.ingested.accepted == 777_715
    bad = quarantine(run.lake, VIEW.view.source)
    assert [row["line"] for row in bad] == sorted(SPOILED)
    assert [row["record"] == "torn" for row in bad] == [line % 2 == 1 for line in sorted(SPOILED)]


def test_the_money_in_the_lake_is_the_money_in_the_file(run: Run, loans: pd.DataFrame) -> None:
    amounts = run.table(names.RAW, "loans").to_pyarrow_table(columns=["loan_amount"])
    total = amounts["loan_amount"].cast(pa.decimal128(38, 6))
    assert sum(total.to_pylist()) == Decimal(int(loans["micros"].sum())).scaleb(-6)


def test_pensioners_job_starts_in_the_year_3021_are_counted(run: Run) -> None:
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT count(*) FROM '{LOANS}' WHERE job_start_date > loan_date"
        ).fetchone()
    assert found is not None
    assert run.ingested.nulled == {"job_start_date <= loan_date": found[0]}
    starts = run.table(names.RAW, "loans").to_pyarrow_table(columns=["job_start_date"])
    assert starts["job_start_date"].null_count == found[0]


def test_previous_loans_of_every_row_are_what_pandas_counts(run: Run, loans: pd.DataFrame) -> None:
    columns = ["id", "tiebreaker", "nb_previous_loans", "avg_amount_loans_previous"]
    table = run.table(names.FEATURES, VIEW.view.name).to_pyarrow_table(columns=columns)
    found = table.to_pandas().sort_values("tiebreaker")
    before = loans[loans["loan_date"] < DAY]
    customer = before.groupby("id")["micros"]
    count = customer.cumcount()
    average = (customer.cumsum() - before["micros"]) / count / 1e6
    expected = pd.DataFrame({"loan": before["loan_id"], "count": count, "average": average})
    expected = expected.sort_values("loan")
    assert len(found) == run.materialized.events == len(before)
    np.testing.assert_array_equal(found["tiebreaker"], expected["loan"])
    np.testing.assert_array_equal(found["nb_previous_loans"], expected["count"])
    averages = found["avg_amount_loans_previous"].astype(float)
    np.testing.assert_allclose(averages, expected["average"], rtol=1e-14)


def served(url: str) -> list[tuple[Any, ...]]:
    """Every customer's features as the predictor's own query reads them at the instant."""
    query = serving_query(of_view(VIEW)).replace("SELECT ", 'SELECT view_0."id", ', 1)
    query = query.partition(" WHERE ")[0] + ' ORDER BY view_0."id"'
    with connect(url) as connection:
        rows = connection.execute(query.encode(), {"as_of": AS_OF}).fetchall()
    return [row[:-3] for row in rows]


def test_the_online_row_of_every_customer_is_the_historical_row_of_that_instant(
    run: Run, loans: pd.DataFrame
) -> None:
    keys = np.unique(loans.loc[loans["loan_date"] < DAY, "id"])
    kind = pa.timestamp("us", tz="UTC")
    instants, now = (pa.repeat(pa.scalar(at, kind), len(keys)) for at in (AS_OF, NOW))
    spine = spines.typed(VIEW, {"id": pa.array(keys)}, instants, now, asked_at=instants)
    found = known_then.features(VIEW, DuckDBEngine(), run.table(names.RAW, "loans"), spine)
    rows = zip(
        *(column.to_pylist() for column in found.drop_columns(["as_of", "_has_history"])),
        strict=True,
    )
    history = [tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in rows]
    assert len(history) == run.materialized.entities
    assert served(run.database_url) == history


def test_the_last_days_loans_are_not_seen_on_that_day(run: Run, loans: pd.DataFrame) -> None:
    later = int((loans["loan_date"] >= DAY).sum())
    assert later > 0
    assert run.materialized.events == 777_715 - later
