"""Features of a few events, worked out by hand; run with pytest."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from hindcast import project
from hindcast.data.ingest import add_file
from hindcast.data.retrieve import historical
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.lake import Lake

PURCHASES = """\
purchase_id,shopper_id,bought_at,shop,amount
1,ann,2026-01-01T09:00:00Z,books,10.00
2,ann,2026-02-20T09:00:00Z,tools,2.50
3,ann,2026-03-01T00:00:00Z,books,99.00
"""


def test_features_see_what_was_strictly_before(tmp_path: Path) -> None:
    declared = project.load(Path(__file__).parent)
    lake = Lake(str(tmp_path / "lake"))
    file = tmp_path / "purchases.csv"
    file.write_text(PURCHASES)
    add_file(file, declared.source("purchases"), lake, datetime.now(UTC))
    asked = pa.table({"shopper_id": ["ann"], "as_of": ["2026-03-01"]})
    found = historical(declared.view("spending"), DuckDBEngine(), lake, asked)
    assert found.to_pylist()[0] | {"as_of": None} == {
        "shopper_id": "ann",
        "as_of": None,
        "nb_purchases": 2,
        "spent_last_30_days": Decimal("2.50"),
        "last_shop": "tools",
        "days_since_purchase": 9,
    }
