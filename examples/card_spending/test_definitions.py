"""Features of a card, worked out by hand; run with pytest."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from hindcast import project
from hindcast.data.ingest import add_file
from hindcast.data.retrieve import historical
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.lake import Lake

SPENDING = """\
card,booked_at,kind,groceries,dining,travel,online
C1,2024-02-01T00:00:00Z,gold,100,10,0,40
C1,2024-03-01T00:00:00Z,gold,200,20,30,0
C1,2024-04-01T00:00:00Z,gold,999,99,99,99
"""


def test_a_card_knows_the_months_that_are_booked(tmp_path: Path) -> None:
    declared = project.load(Path(__file__).parent)
    lake, file = Lake(str(tmp_path / "lake")), tmp_path / "spending.csv"
    file.write_text(SPENDING)
    add_file(file, declared.source("spending"), lake, datetime.now(UTC))
    asked = pa.table({"card": ["C1"], "as_of": ["2024-03-02"]})
    (found,) = historical(declared.view("habits"), DuckDBEngine(), lake, asked).to_pylist()
    assert (found["spent_last_month"], found["spent_3_months"]) == (250, 200)
    assert (found["travel_year"], found["months_known"], found["month"]) == (15, 2, 3)
