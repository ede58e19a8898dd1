"""What a user declares: entities, sources with checks, features with windows, models."""

from hindcast.definitions.drift import Drift
from hindcast.definitions.formats import Csv, JsonLines, Parquet
from hindcast.definitions.freshness import Freshness
from hindcast.definitions.labels import Label
from hindcast.definitions.lengths import days, hours, minutes
from hindcast.definitions.models import ColdStart, Gate, Model
from hindcast.definitions.retention import Retention
from hindcast.definitions.services import (
    Derived,
    FeatureService,
    RequestSelection,
    RequestSource,
)
from hindcast.definitions.sources import Check, Entity, OnFail, Source
from hindcast.definitions.splits import Split
from hindcast.definitions.tasks import TASKS, Task, TaskRules
from hindcast.definitions.views import (
    Feature,
    FeatureSelection,
    FeatureView,
)
from hindcast.definitions.windows import Window, latest, prior

__all__ = [
    "TASKS",
    "Check",
    "ColdStart",
    "Csv",
    "Derived",
    "Drift",
    "Entity",
    "Feature",
    "FeatureSelection",
    "FeatureService",
    "FeatureView",
    "Freshness",
    "Gate",
    "JsonLines",
    "Label",
    "Model",
    "OnFail",
    "Parquet",
    "RequestSelection",
    "RequestSource",
    "Retention",
    "Source",
    "Split",
    "Task",
    "TaskRules",
    "Window",
    "days",
    "hours",
    "latest",
    "minutes",
    "prior",
]
