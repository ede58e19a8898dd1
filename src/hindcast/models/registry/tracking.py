"""What MLflow is told about a release: parameters, metrics, tags, the MLmodel; pure."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from hindcast.models.registry import words
from hindcast.releases.contents import ReleaseContents
from hindcast.serving.plan import NUMERIC_KINDS
from hindcast.serving.release import MODEL
from hindcast.serving.scores.multiclass import MulticlassRule

RELEASE_TAG = "release"
# MLflow's longest parameter, and the longest name of a metric or parameter.
LONGEST_VALUE = 6000
LONGEST_NAME = 250
# What importing onnx and running the model takes, pinned as the release was trained with.
_RUNS_ON = ("onnx", "onnxruntime", "numpy")


def parameters(release: ReleaseContents) -> dict[str, str]:
    """How the release was trained: clocks, seed, features, library versions, what it learned."""
    manifest = release.manifest
    found: dict[str, Any] = {
        "as_of": manifest["as_of"],
        "known_by": manifest["known_by"],
        "label_matures_days": manifest["label_matures_days"],
        "seed": manifest["seed"],
        "task": words.task(release.metrics),
        **learned(release),
        "features": ", ".join(release.plan.names),
        "feature_count": len(release.plan.names),
        "feature_views": ", ".join(release.plan.views),
        **{f"definition_hash/{view}": h for view, h in release.definition_hashes.items()},
        **{f"library/{name}": value for name, value in manifest["libraries"].items()},
    }
    return {name: str(value)[:LONGEST_VALUE] for name, value in found.items()}


def metrics(release: ReleaseContents) -> dict[str, float]:
    """metrics.json's finite numbers by path, such as holdout/roc_auc; intervals as low and high."""
    parts = {name: part for name, part in release.metrics.items() if isinstance(part, Mapping)}
    return {_name(path): value for path, value in _numbers((), parts)}


def tags(release: ReleaseContents) -> dict[str, str]:
    """What a release is found by, and the note that MLflow's UI shows on top."""
    manifest = release.manifest
    return {
        RELEASE_TAG: release.id,
        "code_revision": manifest["code_revision"],
        **{f"definition_hash/{view}": h for view, h in release.definition_hashes.items()},
        **{f"data/{table}": read for table, read in words.inputs(release.manifest).items()},
        "mlflow.note.content": description(release),
        "mlflow.source.name": "hindcast train",
        "mlflow.source.type": "LOCAL",
    }


def description(release: ReleaseContents) -> str:
    """The release in a sentence."""
    held = release.metrics["holdout"]
    worth = ", ".join(
        f"{measure.label} {held[name]:.4f}"
        for name, measure in words.of(release.metrics).measures.items()
        if held.get(name) is not None
    )
    manifest = release.manifest
    return (
        f"Release {release.id}: {worth} on {held['rows']:,} held-out rows; data as of "
        f"{manifest['as_of']}, known by {manifest['known_by']}."
    )


def model_files(release: ReleaseContents, run_id: str, model_id: str) -> dict[str, bytes]:
    """An MLflow model of the release: MLmodel, the ONNX file, requirements.

    Written here, because MLflow's own writer needs pandas, which training does without.
    """
    document = {
        "artifact_path": "model",
        "run_id": run_id,
        "model_id": model_id,
        "model_uuid": model_id,
        "flavors": {
            "onnx": {
                "onnx_version": release.manifest["libraries"]["onnx"],
                "data": MODEL,
                "providers": ["CPUExecutionProvider"],
                "onnx_session_options": None,
                "code": None,
            }
        },
        "signature": signature(release),
        "metadata": {RELEASE_TAG: release.id, **learned(release)},
        "model_size_bytes": len(release.files[MODEL]),
        "utc_time_created": release.manifest["known_by"],
    }
    return {
        # MLflow reads YAML, of which JSON is a part.
        "MLmodel": json.dumps(document, indent=1).encode(),
        MODEL: release.files[MODEL],
        "requirements.txt": requirements(release).encode(),
    }


def signature(release: ReleaseContents) -> dict[str, Any]:
    """A row's features by name, and the scores: MLflow's ModelSignature as MLmodel has it."""
    inputs = [
        _column(column, "double" if feature.kind in NUMERIC_KINDS else "string")
        for feature in release.plan.features
        for column in feature.columns
    ]
    outputs = [_column(name, "double") for name in _scores(release)]
    return {"inputs": json.dumps(inputs), "outputs": json.dumps(outputs), "params": None}


def learned(release: ReleaseContents) -> dict[str, Any]:
    """What its training told serving besides the features, such as the threshold."""
    return asdict(release.plan.rule)


def requirements(release: ReleaseContents) -> str:
    """requirements.txt of what runs the model."""
    libraries = release.manifest["libraries"]
    return "".join(f"{name}=={libraries[name]}\n" for name in _RUNS_ON)


def _scores(release: ReleaseContents) -> list[str]:
    """The names of the model's outputs: one, or one per class."""
    rule, score = release.plan.rule, words.of(release.metrics).score
    if isinstance(rule, MulticlassRule):
        return [f"{score} of {label}" for label in rule.classes]
    return [score]


def _column(name: str, kind: str) -> dict[str, Any]:
    return {"type": kind, "name": name, "required": True}


def _numbers(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every finite number below a JSON value and its path; lists are curves, which are plotted."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield from _numbers((*path, name), part)
    elif _is_interval(path, value):
        yield from _numbers(path, {"low": value[0], "high": value[1]})
    elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        yield path, float(value)


def _is_interval(path: tuple[str, ...], value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and any("interval" in part for part in path)


def _name(path: tuple[str, ...]) -> str:
    """A path as MLflow allows names: words, dots, dashes, spaces and colons between slashes."""
    parts = (re.sub(r"[^\w.\- :]", "_", part) for part in path)
    return "/".join(part if part.strip(".") else "empty" for part in parts)[:LONGEST_NAME]
