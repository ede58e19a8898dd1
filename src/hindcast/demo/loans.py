"""Synthetic loans and those who take them, shaped like the example's real ones."""

from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

FIRST_CUSTOMER = 5_008_804
FIRST_LOAN = 1_000
SPAN_DAYS = 5 * 365
# What the source writes for the days a pensioner has been employed; the job start it leads to
# lies in the year 3021.
PENSIONER_DAYS = 365_243
OVERDUE_RATE = 0.004

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]

_OCCUPATIONS = {
    "Laborers": 26,
    "Core staff": 15,
    "Sales staff": 14,
    "Managers": 13,
    "Drivers": 9,
    "High skill tech staff": 6,
    "Accountants": 5,
    "Medicine staff": 5,
    "Cooking staff": 3,
    "Security staff": 2,
    "Cleaning staff": 2,
}
_EDUCATION = {
    "Secondary / secondary special": 68,
    "Higher education": 27,
    "Incomplete higher": 4,
    "Lower secondary": 1,
}
_FAMILY = {
    "Married": 69,
    "Single / not married": 13,
    "Civil marriage": 8,
    "Separated": 6,
    "Widow": 4,
}
_HOUSING = {
    "House / apartment": 89,
    "With parents": 5,
    "Municipal apartment": 3,
    "Rented apartment": 2,
    "Office apartment": 1,
}
_WORK = {"Working": 62, "Commercial associate": 28, "State servant": 10}


def loans(random: np.random.Generator, customers: int, until: date) -> pa.Table:
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
    score = -1.6 * income + 2.5 * (age < 30) - 0.8 * np.log1p(previous)
    score = score + 0.05 * (average - 132) + 2.0 * (recent >= 4)
    return chances(score, OVERDUE_RATE)


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


def chances(score: Reals, mean: float) -> Reals:
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
