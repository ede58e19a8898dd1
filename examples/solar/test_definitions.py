"""Features of a few hours, worked out by hand; run with pytest."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from hindcast import project
from hindcast.data.ingest import add_file
from hindcast.data.retrieve import historical
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.lake import Lake


def test_an_hour_sees_the_hours_before_it(tmp_path: Path) -> None:
    declared = project.load(Path(__file__).parent)
    lake, file = Lake(str(tmp_path / "lake")), tmp_path / "output.csv"
    hours = [f"north,2026-06-{1 + n // 24:02}T{n % 24:02}:00:00Z,{n},0.5" for n in range(48)]
    file.write_text("plant,measured_at,power_kw,cloud_cover\n" + "\n".join(hours) + "\n")
    add_file(file, declared.source("output"), lake, datetime.now(UTC))
    asked = pa.table({"plant": ["north"], "as_of": ["2026-06-03"]})
    (found,) = historical(declared.view("recent"), DuckDBEngine(), lake, asked).to_pylist()
    assert (found["power_last_hour"], found["power_yesterday"]) == (47, 24)
    assert found["power_two_days_ago"] == 0
    assert found["mean_power_last_day"] == 35.5
