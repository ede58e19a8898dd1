"""What a user declares: entities, sources with checks, features with windows, models."""

from hindcast.definitions.models import FALLING, RISING, ColdStart, Gate, Model, days
from hindcast.definitions.sources import Check, Entity, OnFail, Source
from hindcast.definitions.views import (
    Feature,
    FeatureSelection,
    FeatureView,
    Window,
    latest,
    prior,
)

__all__ = [
    "FALLING",
    "RISING",
    "Check",
    "ColdStart",
    "Entity",
    "Feature",
    "FeatureSelection",
    "FeatureView",
    "Gate",
    "Model",
    "OnFail",
    "Source",
    "Window",
    "days",
    "latest",
    "prior",
]
