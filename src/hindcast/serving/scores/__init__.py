"""What a model answers, by its task: a rule makes a score of the model's output for one row."""

from collections.abc import Mapping
from typing import Any

from hindcast.errors import ReleaseError
from hindcast.serving.scores.binary import BinaryRule, BinaryScore
from hindcast.serving.scores.fallback import FallbackScore
from hindcast.serving.scores.multiclass import MulticlassRule, MulticlassScore
from hindcast.serving.scores.regression import RegressionRule, RegressionScore

Rule = BinaryRule | MulticlassRule | RegressionRule
Score = BinaryScore | MulticlassScore | RegressionScore | FallbackScore

_RULES: Mapping[str, type[Rule]] = {
    rule.task: rule for rule in (BinaryRule, MulticlassRule, RegressionRule)
}


def rule(plan: Mapping[str, Any]) -> Rule:
    """The rule of a serving plan; raises ReleaseError, and KeyError, TypeError or ValueError."""
    # Plans did not name their task before there were others.
    task = plan.get("task", BinaryRule.task)
    if task not in _RULES:
        known = ", ".join(_RULES)
        raise ReleaseError(f"serving_plan.json: task {task} is none of {known}; update hindcast")
    return _RULES[task].parse(plan)
