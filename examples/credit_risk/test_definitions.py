"""Features of synthetic loans, as of before the first of them and after the last; for pytest."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from hindcast import project
from hindcast.data.ingest import add_file
from hindcast.data.retrieve import historical
from hindcast.demo.generate import FIRST_CUSTOMER, generate
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.lake import Lake

INSTANTS = ["1900-01-01", "2100-01-01"]


def test_features_know_the_past_alone(tmp_path: Path) -> None:
    declared = project.load(Path(__file__).parent)
    lake = Lake(str(tmp_path / "lake"))
    generate(tmp_path / "loans.csv", customers=20, seed=1)
    add_file(tmp_path / "loans.csv", declared.source("loans"), lake, datetime.now(UTC))
    asked = pa.table({"id": [FIRST_CUSTOMER] * 2, "as_of": INSTANTS})
    before, after = historical(
        declared.view("credit_history"), DuckDBEngine(), lake, asked
    ).to_pylist()
    assert (before["nb_previous_loans"], before["income"]) == (0, None)
    assert after["nb_previous_loans"] > 0
    assert after["max_amount_loans_previous"] >= after["avg_amount_loans_previous"]
