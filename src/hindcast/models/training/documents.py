"""The documents of a release folder: plan, manifest, reference histograms, differences."""

import platform
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.compiler.serving import serving_query
from hindcast.data.training_rows import TrainingSet, column_numbers, column_texts
from hindcast.definitions import Model
from hindcast.models.training import histograms
from hindcast.models.training.split import Partition
from hindcast.releases.contents import FOR_ALL, PER_ROW

LIBRARIES = ("scikit-learn", "skl2onnx", "onnx", "onnxruntime", "numpy")


def plan(model: Model, data: TrainingSet, threshold: float) -> dict[str, Any]:
    """What serving needs besides the model: the exact SQL, the features and the threshold."""
    return {
        "format": 1,
        "task": model.task,
        "model": model.name,
        "entity": data.view.view.source.entity.name,
        "key": data.view.key,
        "key_type": str(data.view.types[data.view.key]),
        "view": data.view.view.name,
        "sql": serving_query(data.view, [f.name for f in data.features], data.cold_start),
        "features": [
            {"name": f.name, "type": str(f.datatype), "request_time": f.kind == "request"}
            for f in data.features
        ],
        "threshold": threshold,
    }


def differences(data: TrainingSet) -> dict[str, Any]:
    """Per feature, the share of rows that it differs in from its value by what is known now.

    And, where its view is refreshed at times only, from its value at the row's own instant.
    """
    found: dict[str, Any] = {}
    if data.knowledge.per_row:
        found["by what is known now"] = dict(data.revised)
    if data.view.view.refreshed:
        found["exact at the row's instant"] = dict(data.outdated)
    return found


def manifest(model: Model, data: TrainingSet, revision: str) -> dict[str, Any]:
    """What the release was trained from, so that it can be trained again."""
    return {
        "format": 1,
        "model": model.name,
        "definition_hash": data.view.definition_hash,
        "inputs": data.inputs,
        "as_of": data.knowledge.as_of.isoformat(),
        "known_by": data.knowledge.known_by.isoformat(),
        "knowledge": PER_ROW if data.knowledge.per_row else FOR_ALL,
        "label_matures_days": model.label_matures / timedelta(days=1),
        "cold_start": data.cold_start,
        "code_revision": revision,
        "seed": model.seed,
        "libraries": {"python": platform.python_version(), **{n: version(n) for n in LIBRARIES}},
    }


def reference(data: TrainingSet, parts: Partition, scores: NDArray[np.float64]) -> dict[str, Any]:
    """Histograms of the training part's features and of the holdout's scores, for drift."""
    texts = {
        name: histograms.categories(column_texts(data.table[name])[parts.train])
        for name in data.categorical
    }
    numbers = {
        name: histograms.numbers(column_numbers(data.table[name])[parts.train])
        for name in data.numeric
    }
    return {"features": {**numbers, **texts}, "scores": histograms.numbers(scores)}
