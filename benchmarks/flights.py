"""Point-in-time features of every flight, against a DuckDB script that was written by hand.

336,776 flights over three entities (plane, route, airport), the register of planes and the hourly
weather: `get-historical-features` of the example's service, from the lake to a table, and the peer
from Parquet files to a table. The results must be the same.
"""

import argparse
import runpy
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import _measure
import duckdb
import pyarrow as pa
from _measure import Limit

from hindcast import project
from hindcast.compiler.service import CompiledService
from hindcast.data.ingest import add_file
from hindcast.data.retrieve import historical
from hindcast.demo.examples import example
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.project import Project
from hindcast.stores.lake import Lake

PEER = _measure.PEERS / "bare_flights.py"
TOLERANCE = 1e-9


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    _measure.machine()
    flights = example("flights", customers=0)
    declared = project.load(flights.folder)
    with _measure.home() as home:
        flights.write(home.folder)
        lake = Lake(str(home.folder / "lake"))
        _ingest(declared, lake, home.folder)
        service = declared.service()
        asked = _spine(home.folder / "flights.parquet", service)
        ours = partial(historical, service, DuckDBEngine(), lake, asked)
        peer = partial(runpy.run_path(str(PEER))["features"], home.folder)
        unlike = _unlike(ours(), peer(), service)
        sides = {
            "hindcast": lambda: _measure.timed(ours),
            "DuckDB, by hand": lambda: _measure.timed(peer),
        }
        seconds = _measure.alternate(sides, options.rounds)
    return _print(seconds, len(asked), unlike)


def _ingest(declared: Project, lake: Lake, folder: Path) -> None:
    """Every source's CSV file into the lake, and its rows as Parquet for the peer."""
    for source in declared.sources.values():
        path = folder / f"{source.name}.csv"
        add_file(path, source, lake, datetime.now(UTC))
        columns = {name: kind.sql("duckdb") for name, kind in source.types.items()}
        chosen = ", ".join(f"{name}::{kind} AS {name}" for name, kind in columns.items())
        with duckdb.connect() as connection:
            connection.execute("SET TimeZone = 'UTC'")
            connection.execute(
                f"COPY (SELECT {chosen} FROM read_csv('{path}', all_varchar=true, nullstr='NA')) "
                f"TO '{path.with_suffix('.parquet')}'"
            )


def _spine(flights: Path, service: CompiledService) -> pa.Table:
    """Every flight as it is asked about: its keys, its instant, and the value sent with it."""
    inputs = ", ".join(dict.fromkeys((*service.keys, *service.given)))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        sql = f"SELECT flight_id, {inputs}, scheduled AS as_of FROM '{flights}'"
        return connection.sql(sql).to_arrow_table()


def _unlike(ours: pa.Table, peer: pa.Table, service: CompiledService) -> int:
    """Flights of which a feature differs; doubles may differ by rounding."""
    differs = " OR ".join(
        f'(ours."{name}" IS NULL) <> (peer."{name}" IS NULL) OR abs(ours."{name}"::DOUBLE - '
        f'peer."{name}"::DOUBLE) > {TOLERANCE} * greatest(1, abs(peer."{name}"::DOUBLE))'
        for name in service.names
    )
    with duckdb.connect() as connection:
        connection.register("ours", ours)
        connection.register("peer", peer)
        found = connection.sql(
            f"SELECT count(*) FROM ours FULL JOIN peer USING (flight_id) WHERE {differs}"
        ).fetchall()
    return int(found[0][0])


def _print(seconds: dict[str, list[float]], flights: int, unlike: int) -> int:
    rows = [
        (name, f"{_measure.median(took):.2f}", f"{flights / _measure.median(took):,.0f}")
        for name, took in seconds.items()
    ]
    _measure.table(["", "seconds", "flights a second"], rows)
    ours, theirs = (_measure.median(took) for took in seconds.values())
    return _measure.verdict(
        [
            Limit("features of every flight, over the script by hand", ours / theirs, 1.5),
            Limit("flights that the two sides answer differently", unlike, 0),
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
