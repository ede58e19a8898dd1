"""Features of synthetic loans before and after them, and of repayments by hand; for pytest."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from hindcast import project
from hindcast.data.ingest import add_file
from hindcast.data.retrieve import historical
from hindcast.demo.generate import FIRST_CUSTOMER, generate
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.lake import Lake

INSTANTS = ["1900-01-01", "2100-01-01"]
REPAYMENTS = """\
payment_id,loan_id,id,paid_at,amount,days_late
1,1,7,2021-01-31T12:00:00Z,100,0
2,2,7,2021-05-30T08:00:00Z,50,4
3,3,7,2021-06-30T08:00:00Z,30.5,20
"""


def features(folder: Path, file: Path, view: str, asked: Any) -> list[Any]:
    """A view's features of what is asked, of a file that is named after its source."""
    declared, lake = project.load(Path(__file__).parent), Lake(str(folder / "lake"))
    add_file(file, declared.source_of(file.name), lake, datetime.now(UTC))
    found = historical(declared.view(view), DuckDBEngine(), lake, pa.table(asked))
    rows: list[Any] = found.to_pylist()
    return rows


def test_features_know_the_past_alone(tmp_path: Path) -> None:
    generate(tmp_path / "loans.csv", customers=20, seed=1)
    asked = {"id": [FIRST_CUSTOMER] * 2, "as_of": INSTANTS}
    before, after = features(tmp_path, tmp_path / "loans.csv", "credit_history", asked)
    assert (before["nb_previous_loans"], before["income"]) == (0, None)
    assert after["nb_previous_loans"] > 0
    assert after["max_amount_loans_previous"] >= after["avg_amount_loans_previous"]


def test_repayments_are_forgotten_after_ten_years(tmp_path: Path) -> None:
    (tmp_path / "repayments.csv").write_text(REPAYMENTS)
    asked = {"id": [7, 7], "as_of": ["2021-07-01", "2031-07-01"]}
    then, later = features(tmp_path, tmp_path / "repayments.csv", "paying", asked)
    assert (then["late_last_90_days"], then["worst_delay"], then["days_since_paid"]) == (2, 20, 1)
    assert (then["late_share"], float(then["paid_last_5"])) == (2 / 3, 180.5)
    assert {later[name] for name in then if name not in asked} == {None}
