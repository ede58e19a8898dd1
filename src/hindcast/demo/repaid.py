"""What became of synthetic loans: the branch of each, how it was repaid, and the outcome."""

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from hindcast.demo.loans import Reals, chances

COUNTRIES = ("AT", "CH", "DE")
BRANCHES = 40
TERM_DAYS = 30
LATE_RATE = 0.1
# From the repayment to the report of the outcome: days for most, weeks for some.
REPORT_DAYS = 9
FIRST_PAYMENT = 700_000
DAY_SECONDS = 86_400


def with_branches(random: np.random.Generator, loans: pa.Table) -> pa.Table:
    """The loans with country and branch_no: a customer's own branch, some branches being small."""
    _, customer = np.unique(loans["id"].to_numpy(), return_inverse=True)
    count = customer.max() + 1
    country = random.choice(COUNTRIES, count)[customer]
    number = np.ceil(BRANCHES * random.random(count) ** 2)[customer].astype(np.int64)
    place = loans.column_names.index("id") + 1
    branched = loans.add_column(place, "country", pa.array(country))
    return branched.add_column(place + 1, "branch_no", pa.array(np.maximum(number, 1)))


def repaid(random: np.random.Generator, loans: pa.Table, until: date) -> tuple[pa.Table, pa.Table]:
    """The repayments and the outcomes of loans with branches, as known at the end of `until`.

    A loan is due after TERM_DAYS; one that is overdue in its status is paid 60 or more days late.
    What is paid later than `until` is in neither, and an outcome that is reported later is missing.
    """
    late = random.random(len(loans)) < _late_chance(random, loans)
    days_late = np.where(late, random.geometric(1 / 12, len(loans)), 0)
    overdue = loans["status"].to_numpy() == 1
    days_late = np.where(overdue, 60 + random.geometric(1 / 20, len(loans)), days_late)
    paid_on = loans["loan_date"].to_numpy() + TERM_DAYS + days_late
    paid_at = paid_on.astype("datetime64[s]") + random.integers(0, DAY_SECONDS, len(loans))
    recorded_at = paid_at + DAY_SECONDS * random.geometric(1 / REPORT_DAYS, len(loans))
    end = np.datetime64(until, "s") + DAY_SECONDS
    facts = pa.table(
        {
            "loan_id": loans["loan_id"],
            "id": loans["id"],
            "paid_on": pa.array(paid_on),
            "paid_at": pa.array(paid_at),
            "recorded_at": pa.array(recorded_at),
            "amount": loans["loan_amount"],
            "days_late": pa.array(days_late),
            "late": pa.array((days_late > 0).astype(np.int64)),
        }
    )
    return _repayments(facts.filter(paid_at < end)), _outcomes(facts.filter(recorded_at < end))


def _late_chance(random: np.random.Generator, loans: pa.Table) -> Reals:
    """The chance to be late: some never learn, large loans press, and small branches look away."""
    _, customer = np.unique(loans["id"].to_numpy(), return_inverse=True)
    careless = random.normal(0, 1.5, customer.max() + 1)[customer]
    amount = loans["loan_amount"].to_numpy().astype(float)
    small = loans["branch_no"].to_numpy() > BRANCHES // 2
    return chances(careless + 8 * (amount / 132 - 1) + 1.0 * small, LATE_RATE)


def _repayments(paid: pa.Table) -> pa.Table:
    """A row per payment, in the order of their instants."""
    ordered = paid.sort_by([("paid_at", "ascending"), ("loan_id", "ascending")])
    numbers: Any = FIRST_PAYMENT + np.arange(len(ordered))
    columns = ordered.select(["loan_id", "id", "paid_at", "amount", "days_late"])
    return columns.add_column(0, "payment_id", pa.array(numbers))


def _outcomes(reported: pa.Table) -> pa.Table:
    """A row per loan whose outcome is reported, in the order of the reports."""
    ordered = reported.sort_by([("recorded_at", "ascending"), ("loan_id", "ascending")])
    columns = ordered.select(["loan_id", "id", "paid_on", "late", "recorded_at"])
    return columns.rename_columns(["loan_id", "id", "closed_on", "late", "recorded_at"])
