"""The documents of a release folder: plan, manifest, differences."""

import platform
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from hindcast.compiler.plan import question_document
from hindcast.data.training_range import TrainingRange
from hindcast.data.training_rows import TrainingSet
from hindcast.definitions import Entity, Model, Source, Split
from hindcast.definitions.splits import Group
from hindcast.errors import TrainingError
from hindcast.models.tasks.base import Task
from hindcast.releases.contents import FOR_ALL, PER_ROW

LIBRARIES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


def plan(model: Model, data: TrainingSet, task: Task) -> dict[str, Any]:
    """What serving needs besides the model: the exact SQL, the features, what the task learned."""
    return {
        "format": 2,
        "task": task.name,
        "model": model.name,
        **question_document(data.service, data.cold_start),
        **task.plan(),
        **_freshness(model, task),
        "unlogged": model.unlogged,
    }


def _freshness(model: Model, task: Task) -> dict[str, Any]:
    """The limit to the age of features in seconds, and the fallback; raises TrainingError for one
    that the model does not answer."""
    declared = model.freshness
    if declared is None:
        return {}
    classes = task.plan().get("classes")
    if classes and declared.fallback is not None and declared.fallback not in classes:
        known = ", ".join(map(repr, classes))
        raise TrainingError(
            f"model '{model.name}': its fallback {declared.fallback!r} is none of its labels; use "
            f"one of {known}"
        )
    limit = declared.limit / timedelta(seconds=1)
    return {"freshness": {"limit_seconds": limit, "fallback": declared.fallback}}


def differences(data: TrainingSet) -> dict[str, Any]:
    """Per feature, the share of rows that it differs in from its value by what is known now.

    And, where its view is refreshed at times only, from its value at the row's own instant.
    """
    found: dict[str, Any] = {}
    if data.knowledge.per_row:
        found["by what is known now"] = data.revised
    if any(view.view.refreshed for view in data.service.views):
        found["exact at the row's instant"] = data.outdated
    return found


def described(data: TrainingSet) -> dict[str, Any]:
    """Per feature its SQL, its window in words, and the share of training rows without a value."""
    rows = max(data.table.num_rows, 1)
    return {
        feature.name: {
            "sql": feature.tree.sql(dialect="duckdb"),
            "window": feature.seen,
            "nulls": data.table[feature.columns[0]].null_count / rows,
        }
        for feature in data.features
    }


def manifest(
    model: Model, data: TrainingSet, revision: str, within: TrainingRange
) -> dict[str, Any]:
    """What the release was trained from, so that it can be trained again."""
    return {
        "format": 1,
        "model": model.name,
        "views": dict(data.service.definition_hashes),
        "inputs": data.inputs,
        "as_of": data.knowledge.as_of.isoformat(),
        "known_by": data.knowledge.known_by.isoformat(),
        "knowledge": PER_ROW if data.knowledge.per_row else FOR_ALL,
        "label_matures_days": model.target.matures / timedelta(days=1),
        "cold_start": data.cold_start,
        "split": _split(model.split, model.events),
        "range": within.document(),
        "code_revision": revision,
        "seed": model.seed,
        "libraries": {"python": platform.python_version(), **{n: version(n) for n in LIBRARIES}},
    }


def _split(split: Split, events: Source) -> dict[str, Any]:
    """The split as `split_of` reads it; its group by the name of the entity."""
    group = events.first if split.group == "entity" else split.group
    return {
        "holdout": split.holdout,
        "start": None if split.cut is None else split.cut.isoformat(),
        "group": group.name if isinstance(group, Entity) else None,
    }


def split_of(manifest: Mapping[str, Any], events: Source) -> Split:
    """The split that a release was trained with; a manifest without one is an older release's.

    events: the source whose events it learned from.
    """
    said = manifest.get("split")
    if said is None:
        return Split()
    start = None if said["start"] is None else datetime.fromisoformat(said["start"])
    groups: dict[str | None, Group] = {each.name: each for each in events.columns_by_entity}
    groups[None] = None
    return Split(said["holdout"], start, groups[said["group"]])
