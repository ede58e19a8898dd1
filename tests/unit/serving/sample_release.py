"""A small real release of each task: a model in ONNX, a plan and a manifest, digests and all."""

import hashlib
import json
from pathlib import Path
from typing import Any

import onnx
from onnx import TensorProto, helper

from hindcast.serving import release

FEATURES = [
    {"name": "nb_previous_loans", "type": "bigint", "request_time": False},
    {"name": "income", "type": "double", "request_time": False},
    {"name": "flag_own_car", "type": "boolean", "request_time": False},
    {"name": "age", "type": "bigint", "request_time": True},
]
SQL = (
    "SELECT nb_previous_loans, income, flag_own_car, "
    "CAST(date_part('year', age(CAST(%(as_of)s AS TIMESTAMPTZ), _birthday)) AS INT8) AS age, "
    "'' AS _unseen, features_as_of, materialization "
    'FROM "hindcast"."credit_history" WHERE "id" = %(key_0)s'
)
# A null is worth nothing; income weighs little, as it is in the hundred thousands.
WEIGHTS = [0.1, 1e-6, 0.5, -0.02]


def key(kind: str) -> list[dict[str, Any]]:
    """The plan's keys, where the id is of that type."""
    return [{"name": "id", "type": kind, "required": True}]


def plan(**changes: Any) -> dict[str, Any]:
    """A serving plan, as serving_plan.json holds it."""
    document = {
        "format": 2,
        "model": "credit_risk",
        "entity": "customer",
        "keys": key("bigint"),
        "request": [],
        "views": ["credit_history"],
        "sql": SQL,
        "features": FEATURES,
        "threshold": 0.5,
    }
    return {**document, **changes}


# How much each feature speaks for each of the labels.
CLASSES = ["early", "late", "on time"]
CLASS_WEIGHTS = [[0.1, 0.2, 0.3], [1e-6, -1e-6, 0.0], [0.5, -0.5, 0.0], [-0.02, 0.01, 0.02]]
# What differs from plan() in the plans of other tasks.
MULTICLASS: dict[str, Any] = {"task": "multiclass", "classes": CLASSES}
REGRESSION: dict[str, Any] = {
    "task": "regression",
    "interval": {"coverage": 0.9, "half_width": 10.5},
}


def model(task: str = "binary", width: int = len(FEATURES)) -> bytes:
    """A model of a task over the first `numeric @ weights`, nulls (NaN) counting as 0."""
    weights = CLASS_WEIGHTS if task == "multiclass" else [[weight] for weight in WEIGHTS]
    columns = len(weights[0])
    flat = [weight for row in weights[:width] for weight in row]
    output, nodes = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[
        task
    ]()
    before = [
        helper.make_node("IsNaN", ["numeric"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "numeric"], ["known"]),
        helper.make_node("MatMul", ["known", "weights"], ["sum"]),
    ]
    constants = [
        helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("weights", TensorProto.FLOAT, [width, columns], flat),
    ]
    graph = helper.make_graph(
        [*before, *nodes],
        task,
        [helper.make_tensor_value_info("numeric", TensorProto.FLOAT, [None, width])],
        [output],
        constants,
    )
    opset = helper.make_opsetid("", 17)
    document: onnx.ModelProto = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(document.SerializeToString())


Head = tuple[onnx.ValueInfoProto, list[onnx.NodeProto]]


def _binary() -> Head:
    nodes = [
        helper.make_node("Sigmoid", ["sum"], ["positive"]),
        helper.make_node("Sub", ["one", "positive"], ["negative"]),
        helper.make_node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
    ]
    return helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2]), nodes


def _multiclass() -> Head:
    nodes = [helper.make_node("Softmax", ["sum"], ["probabilities"], axis=1)]
    shape = [None, len(CLASSES)]
    return helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, shape), nodes


def _regression() -> Head:
    # Named as skl2onnx names it.
    nodes = [helper.make_node("Identity", ["sum"], ["variable"])]
    return helper.make_tensor_value_info("variable", TensorProto.FLOAT, [None, 1]), nodes


def write(root: Path, **plan_changes: Any) -> Path:
    """Write a release below root and return its folder."""
    document = plan(**plan_changes)
    files = {
        "model.onnx": model(document.get("task", "binary"), len(document["features"])),
        "serving_plan.json": json.dumps(document).encode(),
        "metrics.json": b"{}",
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = {"format": 1, "model": document["model"], "seed": 1, "files": digests}
    folder = root / release.release_id(manifest)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
    return folder
