"""A budget of the account: what it spends, and will have spent by the end of the month."""

from aws_cdk import aws_budgets as budgets
from constructs import Construct

from infra.addresses import Addresses

# What is compared with the limit, and from which percent of it on people are told.
TOLD = (("ACTUAL", 80), ("FORECASTED", 100))


class Budget(Construct):
    """Of the whole account: a filter by tags is silent until somebody activates the tags."""

    def __init__(self, scope: Construct, id: str, addresses: Addresses, topic_arn: str) -> None:
        super().__init__(scope, id)
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=addresses.prefix,
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=addresses.deployment.watching.budget, unit="USD"
                ),
            ),
            notifications_with_subscribers=[_told(*each, topic_arn) for each in TOLD],
        )


def _told(
    kind: str, percent: int, topic_arn: str
) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
    return budgets.CfnBudget.NotificationWithSubscribersProperty(
        notification=budgets.CfnBudget.NotificationProperty(
            comparison_operator="GREATER_THAN",
            notification_type=kind,
            threshold=percent,
            threshold_type="PERCENTAGE",
        ),
        subscribers=[
            budgets.CfnBudget.SubscriberProperty(address=topic_arn, subscription_type="SNS")
        ],
    )
