"""A roll-out of the settled home with small steps, and where it left the home."""

import pytest

from hindcast.stores.ledger import Run
from hindcast.traffic.local_stage import LocalStage
from hindcast.traffic.roll_out import Plan, RollOutReport, Wait, roll_out
from hindcast.traffic.watch import Alarms
from tests.integration.hindsight import Home

PLAN, ALARMS = Plan(looks=3, look_seconds=0), Alarms(requests=10)


WITH_A_NEW_FEATURE = (
    'Feature("age", ',
    'Feature("max_amount_last_90_days", "max(loan_amount)", over=prior(days=90)),\n'
    '        Feature("age", ',
)


def served(home: Home) -> LocalStage:
    """The stage of a model that was served once, by the champion."""
    made = LocalStage(home.folder, "credit_risk")
    made.point(home.releases[1])
    return made


def roll(home: Home, release: str, wait: Wait) -> RollOutReport:
    return roll_out(home.application, None, release, PLAN, ALARMS, wait=wait)


def no_traffic(_: float) -> None:
    pytest.fail("the canary has begun")


def last_run(home: Home) -> Run:
    return home.application.ledger.runs("roll-out")[0]


def champion(home: Home) -> str:
    return home.application.champion("credit_risk").release
