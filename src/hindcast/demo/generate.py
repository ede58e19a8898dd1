"""Generate: synthetic loans shaped like the example's real ones, a known few broken on purpose."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from hindcast.errors import InputError

FIRST_CUSTOMER = 5_008_804
FIRST_LOAN = 1_000
UNTIL = date(2021, 9, 17)
SPAN_DAYS = 5 * 365
# What the source writes for the days a pensioner has been employed; the job start it leads to
# lies in the year 3021.
PENSIONER_DAYS = 365_243
OVERDUE_RATE = 0.004

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Line = list[str]

_OCCUPATIONS = {
    "Laborers": 26, "Core staff": 15, "Sales staff": 14, "Managers": 13, "Drivers": 9,
    "High skill tech staff": 6, "Accountants": 5, "Medicine staff": 5, "Cooking staff": 3,
    "Security staff": 2, "Cleaning staff": 2,
}  # fmt: skip
_EDUCATION = {
    "Secondary / secondary special": 68, "Higher education": 27, "Incomplete higher": 4,
    "Lower secondary": 1,
}  # fmt: skip
_FAMILY = {
    "Married": 69, "Single / not married": 13, "Civil marriage": 8, "Separated": 6, "Widow": 4,
}  # fmt: skip
_HOUSING = {
    "House / apartment": 89, "With parents": 5, "Municipal apartment": 3, "Rented apartment": 2,
    "Office apartment": 1,
}  # fmt: skip
_WORK = {"Working": 62, "Commercial associate": 28, "State servant": 10}


@dataclass(frozen=True)
class GenerateReport:
    """What was written. rows: lines below the header; planted: lines added by what is odd in them.

    rejected: planted lines that cannot be accepted; duplicates: accepted lines about an event
    that another line is about too; later_jobs: accepted lines whose job starts after the loan.
    """

    file: str
    customers: int
    rows: int
    rejected: int
    duplicates: int
    later_jobs: int
    overdue: int
    planted: dict[str, int]


@dataclass(frozen=True)
class _Plant:
    """A way to add an odd line: how many, and what it makes of the fields of a good line."""

    count: int
    spoil: Callable[[Line], Line]
    accepted: bool = False


def generate(path: Path, customers: int, seed: int, until: date = UNTIL) -> GenerateReport:
    """Write a CSV of about 21 loans per customer in the five years to `until`, that day included.

    Columns are those of the credit_risk example's source. The same arguments write the same
    bytes. Raises InputError when there is nothing to write or nowhere to write it.
    """
    if customers < 1:
        raise InputError(f"--customers {customers}: at least one is needed")
    random = np.random.default_rng(seed)
    table = _loans(random, customers, until)
    plants = _planted(random, table.num_rows)
    try:
        with path.open("wb") as stream:
            _write(stream, table, plants)
    except OSError as error:
        raise InputError(f"--out {path}: {error.strerror}; name another file") from error
    return _report(path, customers, table, plants)


def _loans(random: np.random.Generator, customers: int, until: date) -> pa.Table:
    """One row per loan, of a customer the newest first; days are counted back from `until`."""
    people = _people(random, customers)
    owner, days_ago = _days_ago(random, customers)
    amount = np.maximum(random.normal(132, 20, len(owner)), 1).round(6)
    status = random.random(len(owner)) < _overdue_chance(people, owner, days_ago, amount)
    today = np.datetime64(until, "D")
    columns: dict[str, pa.Array] = {
        "loan_id": pa.array(np.arange(FIRST_LOAN, FIRST_LOAN + len(owner))),
        **{name: values.take(pa.array(owner)) for name, values in people.items()},
        "status": pa.array(status.astype(np.int64)),
    }
    born, employed = (columns[name].to_numpy() for name in ("days_birth", "days_employed"))
    columns["birthday"] = pa.array(today + born)
    columns["job_start_date"] = pa.array(today + employed)
    columns["loan_date"] = pa.array(today - days_ago)
    columns["loan_amount"] = pa.array(amount)
    return pa.table(columns)


def _people(random: np.random.Generator, count: int) -> dict[str, pa.Array]:
    """Each customer's attributes, constant over their loans; days are relative to `until`."""
    age = np.clip(random.normal(44, 11, count), 21, 68)
    is_pensioner = random.random(count) < np.clip((age - 45) / 30, 0.01, 0.9)
    employed_years = np.minimum(random.exponential(7, count), age - 18)
    employed = np.where(is_pensioner, PENSIONER_DAYS, -(employed_years * 365.25 + 1).astype(int))
    family = _choice(random, _FAMILY, count)
    has_partner = np.isin(family, ["Married", "Civil marriage"])
    children = np.where(is_pensioner, 0, np.minimum(random.poisson(0.5, count), 5))
    hides_work = is_pensioner | (random.random(count) < 0.16)
    income = np.clip(random.lognormal(np.log(160_000), 0.45, count), 27_000, 1_575_000)
    return {
        "id": pa.array(np.arange(FIRST_CUSTOMER, FIRST_CUSTOMER + count)),
        "code_gender": pa.array(_flag(random, count, 0.62, "F", "M")),
        "flag_own_car": pa.array(_flag(random, count, 0.38, "Y", "N")),
        "flag_own_realty": pa.array(_flag(random, count, 0.66, "Y", "N")),
        "cnt_children": pa.array(children),
        "amt_income_total": pa.array(np.round(income / 4_500) * 4_500),
        "name_income_type": pa.array(
            np.where(is_pensioner, "Pensioner", _choice(random, _WORK, count))
        ),
        "name_education_type": pa.array(_choice(random, _EDUCATION, count)),
        "name_family_status": pa.array(family),
        "name_housing_type": pa.array(_choice(random, _HOUSING, count)),
        "days_birth": pa.array(-(age * 365.25).astype(int)),
        "days_employed": pa.array(employed),
        "flag_mobil": pa.array(np.ones(count, int)),
        "flag_work_phone": pa.array(_flag(random, count, 0.23, 1, 0)),
        "flag_phone": pa.array(_flag(random, count, 0.3, 1, 0)),
        "flag_email": pa.array(_flag(random, count, 0.09, 1, 0)),
        "occupation_type": pa.array(_choice(random, _OCCUPATIONS, count), mask=hides_work),
        "cnt_fam_members": pa.array(1.0 + children + has_partner),
    }


def _days_ago(random: np.random.Generator, customers: int) -> tuple[Integers, Integers]:
    """The customer (its index) and the age in days of every loan; a customer's days differ."""
    counts = np.clip(random.negative_binomial(4, 4 / 26, customers), 1, 80)
    pace = np.clip(random.lognormal(np.log(32), 0.4, customers), 6, 120)
    owner = np.repeat(np.arange(customers), counts)
    first = np.cumsum(counts) - counts
    gaps = random.geometric(1 / pace[owner])
    gaps[first] = np.minimum(gaps[first], SPAN_DAYS) - 1
    run = np.cumsum(gaps)
    days_ago = run - (run[first] - gaps[first])[owner]
    kept = days_ago <= SPAN_DAYS
    return owner[kept], days_ago[kept]


def _overdue_chance(
    people: dict[str, pa.Array], owner: Integers, days_ago: Integers, amount: Reals
) -> Reals:
    """The chance that a loan goes overdue, by what was known before it; much of it bends."""
    income = np.log(people["amt_income_total"].to_numpy()[owner] / 160_000)
    age = -people["days_birth"].to_numpy()[owner] / 365.25 - days_ago / 365.25
    previous, average, recent = _history(owner, days_ago, amount)
    score = (
        -1.6 * income + 2.5 * (age < 30) - 0.8 * np.log1p(previous)
        + 0.05 * (average - 132) + 2.0 * (recent >= 4)
    )  # fmt: skip
    return _chances(score, OVERDUE_RATE)


def _history(owner: Integers, days_ago: Integers, amount: Reals) -> tuple[Reals, Reals, Reals]:
    """Per loan: how many came before, their average amount, how many in the 90 days before."""
    count = len(owner)
    end = np.searchsorted(owner, owner, side="right")
    previous = (end - np.arange(count) - 1).astype(np.float64)
    total = np.concatenate([[0.0], np.cumsum(amount)])
    earlier = total[end] - total[np.arange(count) + 1]
    average = np.where(previous > 0, earlier / np.maximum(previous, 1), 132)
    # Loans are in order of (customer, age), so one number finds the last one within 90 days.
    place = owner * (SPAN_DAYS + 100) + days_ago
    recent = np.searchsorted(place, place + 90, side="right") - np.arange(count) - 1
    return previous, average, recent.astype(np.float64)


def _chances(score: Reals, mean: float) -> Reals:
    """Logistic of the score, shifted so that the chances have that mean."""
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _logistic(score + middle).mean() < mean else (low, middle)
    return _logistic(score + low)


def _logistic(values: Reals) -> Reals:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -50, 50))))


def _choice(random: np.random.Generator, weights: dict[str, int], count: int) -> NDArray[np.str_]:
    shares = np.array(list(weights.values())) / sum(weights.values())
    return random.choice(np.array(list(weights)), count, p=shares)


def _flag(
    random: np.random.Generator, count: int, share: float, yes: int | str, no: int | str
) -> NDArray[np.generic]:
    return np.where(random.random(count) < share, yes, no)


def _set(column: str, value: str) -> Callable[[Line], Line]:
    place = _COLUMNS.index(column)
    return lambda line: [*line[:place], value, *line[place + 1 :]]


def _negative_amount(line: Line) -> Line:
    return [*line[:-1], f"-{line[-1]}"]


def _corrected(line: Line) -> Line:
    return [*line[:-1], f"{float(line[-1]) + 1:.6f}"]


_COLUMNS = (
    "loan_id", "id", "code_gender", "flag_own_car", "flag_own_realty", "cnt_children",
    "amt_income_total", "name_income_type", "name_education_type", "name_family_status",
    "name_housing_type", "days_birth", "days_employed", "flag_mobil", "flag_work_phone",
    "flag_phone", "flag_email", "occupation_type", "cnt_fam_members", "status", "birthday",
    "job_start_date", "loan_date", "loan_amount",
)  # fmt: skip
_PLANTS = {
    "unparsable date": _Plant(3, _set("loan_date", "2021-02-30")),
    "date in another order": _Plant(2, _set("birthday", "31/12/1980")),
    "negative amount": _Plant(3, _negative_amount),
    "amount that is no number": _Plant(2, _set("loan_amount", "n/a")),
    "missing id": _Plant(2, _set("id", "")),
    "status of 7": _Plant(1, _set("status", "7")),
    "too few columns": _Plant(1, lambda line: line[:-4]),
    "too many columns": _Plant(1, lambda line: [*line, "0"]),
    "repeated event": _Plant(4, lambda line: line, accepted=True),
    "corrected event": _Plant(2, _corrected, accepted=True),
}


def _planted(random: np.random.Generator, rows: int) -> list[tuple[int, str]]:
    """Which row each odd line is made from and follows, in the order of the rows."""
    kinds = [name for name, plant in _PLANTS.items() for _ in range(plant.count)]
    # Distinct rows, so that no event has more than two lines; a tiny file holds fewer.
    places = random.permutation(rows)[: len(kinds)]
    return sorted(zip((int(place) for place in places), kinds, strict=False))


def _write(stream: BinaryIO, table: pa.Table, plants: list[tuple[int, str]]) -> None:
    stream.write(",".join(_COLUMNS).encode() + b"\n")
    fresh = FIRST_LOAN + table.num_rows
    start = 0
    for place, kind in plants:
        _write_rows(stream, table.slice(start, place + 1 - start))
        line = _fields(table.slice(place, 1))
        if not _PLANTS[kind].accepted:
            line, fresh = [str(fresh), *line[1:]], fresh + 1
        stream.write(",".join(_PLANTS[kind].spoil(line)).encode() + b"\n")
        start = place + 1
    _write_rows(stream, table.slice(start))


def _write_rows(stream: BinaryIO | pa.NativeFile, rows: pa.Table) -> None:
    # No value holds a comma, a quote or a line break, and pyarrow refuses any that does.
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="none")
    pyarrow.csv.write_csv(rows.select(_COLUMNS), stream, options)


def _fields(row: pa.Table) -> Line:
    sink = pa.BufferOutputStream()
    _write_rows(sink, row)
    return str(sink.getvalue().to_pybytes().decode()).rstrip("\n").split(",")


def _report(
    path: Path, customers: int, table: pa.Table, plants: list[tuple[int, str]]
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
    )
