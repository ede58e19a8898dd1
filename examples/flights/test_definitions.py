"""Features of a few flights, worked out by hand; run with pytest."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from hindcast import project
from hindcast.data.ingest import add_file
from hindcast.data.retrieve import historical
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.stores.lake import Lake

FLIGHTS = """\
flight_id,over_at,scheduled,carrier,flight,tailnum,origin,dest,distance,dep_delay,arr_delay,outcome
1,2013-01-01T08:00:00Z,2013-01-01T06:00:00Z,UA,1,N1,JFK,SFO,2586,0,10,on time
2,2013-01-01T18:00:00Z,2013-01-01T06:00:00Z,UA,2,N1,SFO,JFK,2586,5,50,late
3,2013-01-02T08:00:00Z,2013-01-01T06:00:00Z,UA,3,NA,JFK,SFO,2586,NA,NA,cancelled
4,2013-01-02T09:00:00Z,2013-01-01T06:00:00Z,UA,1,N1,JFK,SFO,2586,0,99,late
"""


def test_a_plane_remembers_its_flights_that_are_over(tmp_path: Path) -> None:
    declared = project.load(Path(__file__).parent)
    lake, file = Lake(str(tmp_path / "lake")), tmp_path / "arrivals.csv"
    file.write_text(FLIGHTS)
    add_file(file, declared.source("arrivals"), lake, datetime.now(UTC))
    asked = pa.table({"tailnum": ["N1"], "as_of": ["2013-01-02T09:00:00Z"]})
    (found,) = historical(declared.view("plane_history"), DuckDBEngine(), lake, asked).to_pylist()
    assert (found["last_delay"], found["delay_before"], found["delay_of_last_5"]) == (50, 10, 30)
    assert (found["flights_last_day"], found["hours_on_the_ground"]) == (1, 15)
