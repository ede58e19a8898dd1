"""How late will a flight be? Three entities, the weather, and a model of each kind of target."""

from collections.abc import Callable
from typing import Any

from hindcast.definitions import (
    Check,
    Csv,
    Derived,
    Entity,
    Feature,
    FeatureService,
    FeatureView,
    Gate,
    Label,
    Model,
    RequestSource,
    Source,
    Split,
    hours,
    latest,
    prior,
)

plane = Entity("plane", key="tailnum")
origin = Entity("origin", key="origin")
route = Entity("route", key=["carrier", "dest"])

AS_R_WRITES = Csv(nulls=["NA"])
FLIGHT = {
    "flight_id": "bigint",
    "scheduled": "timestamp",
    "carrier": "string",
    "flight": "bigint",
    "tailnum": "string",
    "origin": "string",
    "dest": "string",
    "distance": "double",
    "dep_delay": "double",
    "arr_delay": "double",
    "outcome": "string",
}

# What predictions are asked about: a flight at its scheduled departure. Some have no plane yet.
flights = Source(
    "flights",
    entities=[origin, route, plane],
    event_timestamp="scheduled",
    tiebreaker="flight_id",
    schema=FLIGHT,
    checks=[Check("outcome in ('early', 'on time', 'late', 'cancelled')")],
    format=AS_R_WRITES,
)

# What is known of them, once it is: an hour before a departure nobody knows how late it will be.
arrivals = Source(
    "arrivals",
    entities=[origin, route, plane],
    event_timestamp="over_at",
    tiebreaker="flight_id",
    schema={"over_at": "timestamp", **FLIGHT},
    checks=[Check("scheduled <= over_at", on_fail="warn")],
    format=AS_R_WRITES,
)

weather = Source(
    "weather",
    entity=origin,
    event_timestamp="time_hour",
    schema={
        "origin": "string",
        "time_hour": "timestamp",
        "temp": "double",
        "humid": "double",
        "wind_speed": "double",
        "precip": "double",
        "pressure": "double",
        "visib": "double",
    },
    format=AS_R_WRITES,
)

planes = Source(
    "planes",
    entity=plane,
    event_timestamp="registered",
    schema={"tailnum": "string", "registered": "date", "year": "bigint", "seats": "bigint"},
    format=AS_R_WRITES,
)

plane_history = FeatureView(
    "plane_history",
    source=arrivals,
    entity=plane,
    features=[
        Feature("last_delay", "arr_delay", over=latest()),
        Feature("delay_before", "lag(arr_delay, 2)", over=prior()),
        Feature("delay_of_last_5", "avg(arr_delay)", over=prior(last=5)),
        Feature("flights_last_day", "count(*)", over=prior(days=1)),
        Feature("hours_on_the_ground", "hours_between(max(over_at), as_of)", over=prior()),
    ],
)

register = FeatureView(
    "register",
    source=planes,
    features=[
        Feature("seats", "seats", over=latest()),
        Feature("built", "year", over=latest()),
    ],
)

route_history = FeatureView(
    "route_history",
    source=arrivals,
    entity=route,
    features=[
        Feature("route_delay", "avg(arr_delay)", over=prior(days=30)),
        Feature("route_late", "count(*) filter (where outcome = 'late')", over=prior(days=30)),
        Feature("route_flights", "count(*)", over=prior(days=30)),
    ],
)

airport = FeatureView(
    "airport",
    source=arrivals,
    entity=origin,
    features=[
        Feature("delay_last_3_hours", "avg(dep_delay)", over=prior(hours=3)),
        Feature(
            "cancelled_last_6_hours",
            "count(*) filter (where outcome = 'cancelled')",
            over=prior(hours=6),
        ),
    ],
)

# The hour's weather; nobody should read yesterday's as if it were today's.
sky = FeatureView(
    "sky",
    source=weather,
    ttl=hours(6),
    features=[
        Feature("wind_speed", "wind_speed", over=latest()),
        Feature("precip", "precip", over=latest()),
        Feature("visib", "visib", over=latest()),
        Feature("pressure", "pressure", over=latest()),
        Feature("rain_last_6_hours", "sum(precip)", over=prior(hours=6)),
    ],
)

ticket = RequestSource("ticket", {"distance": "double"})

departure = FeatureService(
    "departure",
    [
        plane_history[...],
        register[...],
        route_history[...],
        airport[...],
        sky[...],
        ticket[...],
        Derived("hour", "hour(as_of)"),
        Derived("share_late", "route_late / nullif(route_flights, 0)"),
    ],
)

# Planes, airports and routes stay the same: the flights to come are of those that are known.
BY_TIME = Split(holdout=0.25, group=None)


def trees(kind: str) -> Callable[[int], Any]:
    """Boosted trees over binned values, which read nulls as they are."""

    def build(seed: int) -> Any:
        import sklearn.ensemble

        estimator = getattr(sklearn.ensemble, f"HistGradientBoosting{kind}")
        return estimator(max_iter=60, max_leaf_nodes=15, random_state=seed)

    return build


arrival_delay = Model(
    "arrival_delay",
    features=departure,
    spine=flights,
    label=Label("flights.arr_delay", matures=hours(24)),
    task="regression",
    coverage=0.8,
    estimator=trees("Regressor"),
    split=BY_TIME,
    cold_start="answer",
    gate=Gate(compare="rmse", latency_ms=50),
    seed=2013,
)

arrival_outcome = Model(
    "arrival_outcome",
    features=departure,
    spine=flights,
    label=Label("flights.outcome", matures=hours(24)),
    task="multiclass",
    estimator=trees("Classifier"),
    split=BY_TIME,
    cold_start="answer",
    gate=Gate(latency_ms=50),
    seed=2013,
)
