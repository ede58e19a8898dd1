"""A project to start from: replace the purchases by events of your own.

`hindcast profile FILE` proposes a source for a file, `hindcast validate` checks this one.
"""

from hindcast.definitions import Check, Entity, Feature, FeatureView, Source, latest, prior

# What features are about, and the column that tells one from another.
shopper = Entity("shopper", key="shopper_id")

# Events: rows with a time. The schema is never guessed; what does not fit goes to quarantine.
purchases = Source(
    "purchases",
    entity=shopper,
    event_timestamp="bought_at",
    # Orders events of one instant, and tells two events from one that was sent twice.
    tiebreaker="purchase_id",
    schema={
        "purchase_id": "bigint",
        "shopper_id": "string",
        "bought_at": "timestamp",
        "shop": "string",
        "amount": "decimal(18,2)",
    },
    checks=[Check("amount > 0")],
)

# Features: SQL over the events strictly before the instant that is asked about.
spending = FeatureView(
    "spending",
    source=purchases,
    features=[
        Feature("nb_purchases", "count(*)", over=prior()),
        Feature("spent_last_30_days", "sum(amount)", over=prior(days=30)),
        Feature("last_shop", "shop", over=latest()),
        # Without a window: evaluated when asked, from the newest values.
        Feature("days_since_purchase", "days_between(bought_at, as_of)"),
    ],
)
