"""How much will a card spend next month? Features for a model that is trained elsewhere."""

from hindcast.definitions import Check, Entity, Feature, FeatureView, Source, latest, prior

card = Entity("card", key="card")

# A row for each card and month, booked when the month is over.
spending = Source(
    "spending",
    entity=card,
    event_timestamp="booked_at",
    schema={
        "card": "string",
        "booked_at": "timestamp",
        "kind": "string",
        "groceries": "double",
        "dining": "double",
        "travel": "double",
        "online": "double",
    },
    checks=[Check("kind in ('student', 'standard', 'gold')")],
)

ALL = "groceries + dining + travel + online"

habits = FeatureView(
    "habits",
    source=spending,
    features=[
        Feature("kind", "kind", over=latest()),
        Feature("spent_last_month", ALL, over=latest()),
        Feature("spent_3_months", f"avg({ALL})", over=prior(last=3)),
        Feature("spent_year", f"avg({ALL})", over=prior(last=12)),
        Feature("travel_year", "avg(travel)", over=prior(last=12)),
        Feature("months_known", "count(*)", over=prior()),
        Feature("month", "month(as_of)"),
    ],
)
