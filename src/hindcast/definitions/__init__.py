"""What a user declares: entities, sources with checks, features with windows, models."""

from hindcast.definitions.formats import Csv, JsonLines, Parquet
from hindcast.definitions.lengths import days, hours, minutes
from hindcast.definitions.models import ColdStart, Gate, Model
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
    "Entity",
    "Feature",
    "FeatureSelection",
    "FeatureView",
    "Gate",
    "JsonLines",
    "Model",
    "OnFail",
    "Parquet",
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
