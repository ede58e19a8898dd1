"""The task of a model that is to be trained, or of a release."""

import pyarrow as pa

from hindcast.definitions import Model
from hindcast.definitions.models import COVERAGE
from hindcast.models.tasks.base import Task
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.tasks.multiclass import task as multiclass
from hindcast.models.tasks.multiclass.task import Multiclass
from hindcast.models.tasks.regression.task import Regression
from hindcast.serving.plan import ServingPlan
from hindcast.serving.scores.multiclass import MulticlassRule
from hindcast.serving.scores.regression import RegressionRule


def of_model(model: Model, labels: pa.ChunkedArray, name: str) -> Task:
    """The task of a model, as far as it is known before a fit; raises TrainingError."""
    if model.task == "binary":
        return Binary(0.5 if model.threshold is None else model.threshold)
    if model.task == "multiclass":
        return multiclass.of_labels(labels, name)
    return Regression(COVERAGE if model.coverage is None else model.coverage, 0.0)


def of_plan(plan: ServingPlan) -> Task:
    """The task of a release, with all that its training learned."""
    rule = plan.rule
    if isinstance(rule, MulticlassRule):
        return Multiclass(rule.classes)
    if isinstance(rule, RegressionRule):
        return Regression(rule.coverage, rule.half_width)
    return Binary(rule.threshold)
