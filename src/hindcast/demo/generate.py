"""Generate: files of synthetic loans, a known few broken on purpose, and of what became of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv

from hindcast.demo.loans import FIRST_CUSTOMER, FIRST_LOAN, loans
from hindcast.demo.repaid import repaid, with_branches
from hindcast.errors import InputError

__all__ = ["FIRST_CUSTOMER", "UNTIL", "GenerateReport", "generate"]

UNTIL = date(2021, 9, 17)
# No value holds a comma, a quote or a line break, and pyarrow refuses any that does.
UNQUOTED = pyarrow.csv.WriteOptions(quoting_style="none")

# The fields of a line, by column; and those of one that may have too few or too many.
Fields = dict[str, str]
Line = list[str]


@dataclass(frozen=True)
class GenerateReport:
    """What was written. rows: lines below the header; planted: lines added by what is odd in them.

    rejected: planted lines that cannot be accepted; duplicates: accepted lines about an event
    that another line is about too; later_jobs: accepted lines whose job starts after the loan.
    repayments, outcomes: the rows of the files beside it.
    """

    file: str
    customers: int
    rows: int
    rejected: int
    duplicates: int
    later_jobs: int
    overdue: int
    planted: dict[str, int]
    repayments: int
    outcomes: int


@dataclass(frozen=True)
class _Plant:
    """A way to add an odd line: how many, and what it makes of the fields of a good line."""

    count: int
    spoil: Callable[[Fields], Line]
    accepted: bool = False


def generate(path: Path, customers: int, seed: int, until: date = UNTIL) -> GenerateReport:
    """Write a CSV of about 21 loans per customer in the five years to `until`, that day included.

    repayments.csv and outcomes.csv of these loans are written beside it. Columns are those of the
    credit_risk example's sources. The same arguments write the same bytes. Raises InputError when
    there is nothing to write or nowhere to write it.
    """
    if customers < 1:
        raise InputError(f"--customers {customers}: at least one is needed")
    random, later = np.random.default_rng(seed), np.random.default_rng([seed, 1])
    table = with_branches(later, loans(random, customers, until))
    plants = _planted(random, table.num_rows)
    repayments, outcomes = repaid(later, table, until)
    try:
        with path.open("wb") as stream:
            _write(stream, table, plants)
        pyarrow.csv.write_csv(repayments, path.with_name("repayments.csv"), UNQUOTED)
        pyarrow.csv.write_csv(outcomes, path.with_name("outcomes.csv"), UNQUOTED)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}; name another file") from error
    return _report(path, customers, table, plants, repayments, outcomes)


def _set(column: str, value: str) -> Callable[[Fields], Line]:
    return lambda fields: [*{**fields, column: value}.values()]


def _negative_amount(fields: Fields) -> Line:
    return _set("loan_amount", f"-{fields['loan_amount']}")(fields)


def _corrected(fields: Fields) -> Line:
    return _set("loan_amount", f"{float(fields['loan_amount']) + 1:.6f}")(fields)


_PLANTS = {
    "unparsable date": _Plant(3, _set("loan_date", "2021-02-30")),
    "date in another order": _Plant(2, _set("birthday", "31/12/1980")),
    "negative amount": _Plant(3, _negative_amount),
    "amount that is no number": _Plant(2, _set("loan_amount", "n/a")),
    "missing id": _Plant(2, _set("id", "")),
    "status of 7": _Plant(1, _set("status", "7")),
    "too few columns": _Plant(1, lambda fields: [*fields.values()][:-4]),
    "too many columns": _Plant(1, lambda fields: [*fields.values(), "0"]),
    "repeated event": _Plant(4, lambda fields: [*fields.values()], accepted=True),
    "corrected event": _Plant(2, _corrected, accepted=True),
}


def _planted(random: np.random.Generator, rows: int) -> list[tuple[int, str]]:
    """Which row each odd line is made from and follows, in the order of the rows."""
    kinds = [name for name, plant in _PLANTS.items() for _ in range(plant.count)]
    # Distinct rows, so that no event has more than two lines; a tiny file holds fewer.
    places = random.permutation(rows)[: len(kinds)]
    return sorted(zip((int(place) for place in places), kinds, strict=False))


def _write(stream: BinaryIO, table: pa.Table, plants: list[tuple[int, str]]) -> None:
    stream.write(",".join(table.column_names).encode() + b"\n")
    fresh = FIRST_LOAN + table.num_rows
    start = 0
    for place, kind in plants:
        _write_rows(stream, table.slice(start, place + 1 - start))
        fields = _fields(table.slice(place, 1))
        if not _PLANTS[kind].accepted:
            fields, fresh = {**fields, "loan_id": str(fresh)}, fresh + 1
        stream.write(",".join(_PLANTS[kind].spoil(fields)).encode() + b"\n")
        start = place + 1
    _write_rows(stream, table.slice(start))


def _write_rows(stream: BinaryIO | pa.NativeFile, rows: pa.Table) -> None:
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    pyarrow.csv.write_csv(rows, stream, options)


def _fields(row: pa.Table) -> Fields:
    sink = pa.BufferOutputStream()
    _write_rows(sink, row)
    values = str(sink.getvalue().to_pybytes().decode()).rstrip("\n").split(",")
    return dict(zip(row.column_names, values, strict=True))


def _report(
    path: Path,
    customers: int,
    table: pa.Table,
    plants: list[tuple[int, str]],
    repayments: pa.Table,
    outcomes: pa.Table,
) -> GenerateReport:
    kinds = [kind for _, kind in plants]
    again = [place for place, kind in plants if _PLANTS[kind].accepted]
    accepted = np.concatenate([np.arange(table.num_rows), np.array(again, np.int64)])
    later = table["job_start_date"].to_numpy() > table["loan_date"].to_numpy()
    return GenerateReport(
        file=str(path),
        customers=customers,
        rows=table.num_rows + len(plants),
        rejected=len(plants) - len(again),
        duplicates=len(again),
        later_jobs=int(later[accepted].sum()),
        overdue=int(np.sum(table["status"].to_numpy())),
        planted={kind: kinds.count(kind) for kind in _PLANTS if kind in kinds},
        repayments=len(repayments),
        outcomes=len(outcomes),
    )
