"""A small real release: a logistic model in ONNX, a plan and a manifest, digests and all."""

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
    "features_as_of, materialization "
    'FROM "hindcast"."credit_history" WHERE "id" = %(key)s'
)
# A null is worth nothing; income weighs little, as it is in the hundred thousands.
WEIGHTS = [0.1, 1e-6, 0.5, -0.02]


def plan(**changes: Any) -> dict[str, Any]:
    """A serving plan, as serving_plan.json holds it."""
    document = {
        "format": 1,
        "model": "credit_risk",
        "entity": "customer",
        "key": "id",
        "key_type": "bigint",
        "view": "credit_history",
        "sql": SQL,
        "features": FEATURES,
        "threshold": 0.5,
    }
    return {**document, **changes}


def model(weights: list[float]) -> bytes:
    """probabilities = sigmoid(numeric @ weights), nulls (NaN) counting as 0."""
    width = len(weights)
    nodes = [
        helper.make_node("IsNaN", ["numeric"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "numeric"], ["known"]),
        helper.make_node("MatMul", ["known", "weights"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["positive"]),
        helper.make_node("Sub", ["one", "positive"], ["negative"]),
        helper.make_node("Concat", ["negative", "positive"], ["probabilities"], axis=1),
    ]
    constants = [
        helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("weights", TensorProto.FLOAT, [width, 1], weights),
    ]
    graph = helper.make_graph(
        nodes,
        "logistic",
        [helper.make_tensor_value_info("numeric", TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])],
        constants,
    )
    opset = helper.make_opsetid("", 17)
    document: onnx.ModelProto = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(document.SerializeToString())


def write(root: Path, **plan_changes: Any) -> Path:
    """Write a release below root and return its folder."""
    files = {
        "model.onnx": model(WEIGHTS),
        "serving_plan.json": json.dumps(plan(**plan_changes)).encode(),
        "metrics.json": b"{}",
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    manifest = {"format": 1, "model": "credit_risk", "seed": 1, "files": digests}
    folder = root / release.release_id(manifest)
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
    return folder
