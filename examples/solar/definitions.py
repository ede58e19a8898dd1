"""How much power will a solar plant give in 24 hours? A forecast from its own past."""

from typing import Any

from hindcast.definitions import (
    Check,
    Derived,
    Entity,
    Feature,
    FeatureView,
    Gate,
    Label,
    Model,
    Source,
    Split,
    hours,
    prior,
)

plant = Entity("plant", key="plant")

output = Source(
    "output",
    entity=plant,
    event_timestamp="measured_at",
    schema={
        "plant": "string",
        "measured_at": "timestamp",
        "power_kw": "double",
        "cloud_cover": "double",
    },
    checks=[Check("power_kw >= 0")],
)

# As of an hour, the newest event is that of the hour before: 24 events ago it was this hour.
recent = FeatureView(
    "recent",
    source=output,
    features=[
        Feature("power_last_hour", "lag(power_kw, 1)", over=prior()),
        Feature("power_yesterday", "lag(power_kw, 24)", over=prior()),
        Feature("power_two_days_ago", "lag(power_kw, 48)", over=prior()),
        Feature("mean_power_last_day", "avg(power_kw)", over=prior(hours=24)),
        Feature("mean_power_last_week", "avg(power_kw)", over=prior(days=7)),
        Feature("highest_power_last_week", "max(power_kw)", over=prior(days=7)),
        Feature("clouds_last_6_hours", "avg(cloud_cover)", over=prior(hours=6)),
    ],
)


def build(seed: int) -> Any:
    """Boosted trees over binned values, which read nulls as they are."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        max_iter=100, max_leaf_nodes=8, learning_rate=0.05, min_samples_leaf=60, random_state=seed
    )


day_ahead = Model(
    "day_ahead",
    # As of a day before, at the same time of day.
    features=[recent[...], Derived("hour", "hour(as_of)"), Derived("month", "month(as_of)")],
    label=Label("output.power_kw", ahead=hours(24)),
    task="regression",
    coverage=0.8,
    estimator=build,
    # Plants are few and stay the same: what comes is forecast of those that are known.
    split=Split(holdout=0.25, group=None),
    gate=Gate(minimum={"r2": 0.7}, latency_ms=50),
    seed=24,
)
