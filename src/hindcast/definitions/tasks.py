"""Kinds of target: which labels a model of each learns, and by which metrics it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class TaskRules:
    """What a definition may say of a model of one task.

    labels: types that a label column may have. learns: what the labels are, for people. rising and
    falling: metrics of which more, or less, is better. compared: those that a bootstrap compares
    two models by, the task's own first.
    """

    labels: tuple[str, ...]
    learns: str
    rising: tuple[str, ...]
    falling: tuple[str, ...]
    compared: tuple[str, ...]


TASKS: Mapping[str, TaskRules] = MappingProxyType(
    {
        "binary": TaskRules(
            # Types that hold 0 and 1, and nothing between them.
            labels=("bigint", "boolean"),
            learns="classifies 0 and 1",
            rising=("roc_auc", "pr_auc", "ks"),
            falling=("brier", "log_loss", "calibration_error"),
            compared=("roc_auc", "pr_auc", "ks", "brier", "log_loss"),
        ),
        "multiclass": TaskRules(
            labels=("bigint", "string"),
            learns="classifies labels",
            rising=("macro_f1", "roc_auc", "accuracy"),
            falling=("log_loss", "brier", "calibration_error"),
            compared=("log_loss", "brier", "accuracy", "macro_f1"),
        ),
        "regression": TaskRules(
            labels=("bigint", "double", "decimal"),
            learns="estimates numbers",
            rising=("r2", "coverage"),
            falling=("mae", "rmse", "pinball"),
            compared=("mae", "rmse", "pinball"),
        ),
    }
)
