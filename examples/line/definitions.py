"""y on x: a model that remembers nothing, whose only feature comes with the question."""

from typing import Any

from hindcast.definitions import Entity, Gate, Label, Model, RequestSource, Source, Split

sample = Entity("sample", key="sample")

points = Source(
    "points",
    entity=sample,
    event_timestamp="measured_at",
    schema={"sample": "bigint", "measured_at": "timestamp", "x": "double", "y": "double"},
)

given = RequestSource("given", {"x": "double"})


def build(seed: int) -> Any:
    """A straight line."""
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), Ridge(random_state=seed))


line = Model(
    "line",
    features=given[...],
    spine=points,
    label=Label("points.y"),
    task="regression",
    estimator=build,
    split=Split(group=None),
    gate=Gate(minimum={"r2": 0.9}, latency_ms=50),
)
