"""What the two benchmarks of materialization share: the loans, and whether both sides agree."""

import sys
from collections.abc import Sequence
from pathlib import Path

import psycopg
from _measure import Home, quiet

from hindcast import project
from hindcast.stores.online import ViewVersion

CUSTOMERS = 36_457
# Rows that `hindcast generate` breaks on purpose: Hindcast refuses them, a bare script does not.
PLANTED = 40
SAME = (
    "nb_previous_loans",
    "avg_amount_loans_previous",
    "max_amount_loans_previous",
    "nb_loans_last_90_days",
    "amount_last_90_days",
    "income",
    "nb_children",
    "family_size",
    "flag_own_car",
    "flag_own_realty",
    "is_pensioner",
    "has_higher_education",
    "has_work_phone",
    "income_type",
)


def loans_csv(prepared: Home, given: Path | None) -> Path:
    """The given CSV or Parquet file as CSV, or synthetic loans, in the home."""
    loans = prepared.folder / "loans.csv"
    if given is None:
        generate = ["-m", "hindcast", "generate", "--out", str(loans)]
        quiet([sys.executable, *generate, "--customers", str(CUSTOMERS)])
    else:
        apart(f"COPY (FROM '{given}') TO '{loans}' (HEADER)")
    return loans


def apart(sql: str) -> None:
    """Run SQL of DuckDB in a process of its own: a child's peak memory is no less than ours."""
    quiet([sys.executable, "-c", "import duckdb, sys; duckdb.sql(sys.argv[1])", sql])


def unlike(columns: Sequence[str]) -> str:
    """The condition that `ours` and `bare` differ in a column; means may differ by rounding."""
    return " OR ".join(
        f'abs(ours."{name}" - bare."{name}") > 1e-9 * abs(bare."{name}")'
        if name.startswith("avg_")
        else f'ours."{name}" IS DISTINCT FROM bare."{name}"'
        for name in columns
    )


def customers_unlike(url: str) -> int:
    """Customers whose online rows are not the same on both sides; either lacking them counts."""
    with psycopg.connect(url) as connection:
        relation = ViewVersion.of(project.load().view("credit_history")).relation
        cursor = connection.execute(
            f"SELECT count(*) FROM hindcast.{relation} ours FULL JOIN bare_customers bare "
            "USING (id) WHERE ours.features_as_of IS NULL OR bare._birthday IS NULL "
            f"OR {unlike([*SAME, '_birthday'])}".encode()
        )
        return int((cursor.fetchone() or (0,))[0])
