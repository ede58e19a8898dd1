"""Export an estimator to ONNX, and refuse it unless ONNX Runtime reproduces it."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from skl2onnx import convert_sklearn
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator, is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline

from hindcast.errors import ReleaseError, TrainingError, first_line
from hindcast.models.tasks.base import Reals, Task
from hindcast.models.training import converters
from hindcast.models.training.fit import FittedModel
from hindcast.models.training.inputs import Inputs
from hindcast.serving.release import open_model

LARGEST_DIFFERENCE = 1e-5
# The trees of ai.onnx.ml 5 are not what onnxmltools writes.
OPSETS = {"": 17, "ai.onnx.ml": 3}
# The inputs of every released model.
NUMERIC, CATEGORICAL = "numeric", "categorical"
# skl2onnx takes these apart, and has no converter for them.
JOINED = (Pipeline, ColumnTransformer, FeatureUnion)


@dataclass(frozen=True)
class Parity:
    """How ONNX Runtime compares with scikit-learn over the holdout."""

    rows: int
    largest_difference: float
    label_disagreements: int

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)


def require_known(estimator: Any) -> None:
    """Raise TrainingError naming a part of an estimator that nothing converts to ONNX."""
    for part in _parts(estimator):
        kind = type(part)
        converters.register_library(kind)
        if kind not in sklearn_operator_name_map and not hasattr(part, "onnx_converter"):
            raise TrainingError(
                f"{kind.__name__} does not convert to ONNX, which releases are served by; use an "
                "estimator that skl2onnx knows"
            )


def _parts(estimator: Any) -> Iterator[BaseEstimator]:
    """The estimator and what it is made of, without what only joins others."""
    for part in (estimator, *estimator.get_params().values()):
        if isinstance(part, BaseEstimator) and not isinstance(part, JOINED):
            yield part


def export(model: FittedModel) -> bytes:
    """The model as ONNX: inputs numeric [N, n] and categorical [N, m], the scores its last output.

    Raises ReleaseError when the estimator cannot be converted.
    """
    inputs, estimator = model.inputs, model.fitted.estimator
    if inputs.encoder is not None:
        estimator = Pipeline([("encode", inputs.encoder), ("classify", estimator)])
    for part in _parts(estimator):
        converters.register_library(type(part))
    try:
        found = convert_sklearn(
            estimator,
            name="model",
            initial_types=_types(inputs),
            target_opset=OPSETS,
            options={id(estimator): {"zipmap": False}} if is_classifier(estimator) else None,
            custom_conversion_functions=converters.conversion_functions(),
            custom_shape_calculators=converters.shape_calculators(),
        )
    # Converters fail in ways of their own, and a user's estimator may bring one.
    except Exception as error:
        raise ReleaseError(
            f"the estimator does not convert to ONNX: {first_line(error)}; use one skl2onnx knows"
        ) from error
    for opset in found.opset_import:
        if not opset.domain:
            # Of the nodes that are there now; what is added needs more.
            opset.version = OPSETS[""]
    if inputs.by_name:
        _split(found, inputs)
    if model.fitted.adjustment:
        model.fitted.adjustment.append(found)
    # skl2onnx lists them in the order of a set, which another process has otherwise.
    found.opset_import.sort(key=lambda opset: opset.domain)
    return bytes(found.SerializeToString(deterministic=True))


def _types(inputs: Inputs) -> list[tuple[str, Any]]:
    """The inputs that a model is converted with; one that chooses columns has one per feature."""
    if inputs.by_name:
        kinds = ((inputs.numeric, FloatTensorType), (inputs.categorical, StringTensorType))
        return [(name, kind([None, 1])) for names, kind in kinds for name in names]
    found: list[tuple[str, Any]] = []
    if inputs.numeric:
        found.append((NUMERIC, FloatTensorType([None, len(inputs.numeric)])))
    if inputs.categorical:
        found.append((CATEGORICAL, StringTensorType([None, len(inputs.categorical)])))
    return found


def _split(model: onnx.ModelProto, inputs: Inputs) -> None:
    """Let a model with an input per feature take the two inputs that serving gives."""
    graph = model.graph
    # Features have any names, which skl2onnx turned into others; none of its own has a space.
    renamed = {given.name: f"feature {number}" for number, given in enumerate(graph.input)}
    parts, nodes = iter(renamed.values()), list(graph.node)
    for node in nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
    del graph.input[:], graph.node[:]
    for name, features, kind in (
        (NUMERIC, inputs.numeric, TensorProto.FLOAT),
        (CATEGORICAL, inputs.categorical, TensorProto.STRING),
    ):
        if features:
            taken = list(islice(parts, len(features)))
            graph.input.append(helper.make_tensor_value_info(name, kind, [None, len(features)]))
            graph.node.append(helper.make_node("Split", [name], taken, f"split_{name}", axis=1))
    graph.node.extend(nodes)


def check_parity(
    model: bytes,
    task: Task,
    matrix: NDArray[Any],
    expected: Reals,
    numeric: int,
    what: str = "the model",
) -> Parity:
    """Compare over all rows; raises ReleaseError with the numbers where they differ."""
    got = run(model, task, matrix, numeric, what)
    parity = Parity(len(expected), *task.distance(got, expected))
    if not parity.largest_difference <= LARGEST_DIFFERENCE or parity.label_disagreements:
        raise ReleaseError(
            f"{what} in ONNX differs from scikit-learn on the holdout: {task.skill.scores} by up "
            f"to {parity.largest_difference:.3g} (allowed {LARGEST_DIFFERENCE:g}), "
            f"{parity.label_disagreements} of {parity.rows} answers; nothing is released; impute "
            "nulls inside the pipeline, or use another estimator"
        )
    return parity


def run(
    model: bytes, task: Task, matrix: NDArray[Any], numeric: int, what: str = "the model"
) -> Reals:
    """ONNX Runtime's scores of the rows of a matrix, whose first columns are the numeric ones.

    Raises ReleaseError for a model that cannot be run.
    """
    try:
        return scorer(model, task, numeric)(matrix)
    # ONNX Runtime's errors have no root of their own.
    except Exception as error:
        raise ReleaseError(
            f"{what} in ONNX cannot be run: {first_line(error)}; nothing is released; use another "
            "estimator"
        ) from error


def scorer(model: bytes, task: Task, numeric: int) -> Callable[[NDArray[Any]], Reals]:
    """A function from a matrix to ONNX Runtime's scores; loads the model once."""
    session = open_model(model)
    # A classifier's label, where it is there too, comes first.
    output = session.get_outputs()[-1].name

    def score(matrix: NDArray[Any]) -> Reals:
        feeds: dict[str, NDArray[Any]] = {}
        if numeric:
            feeds[NUMERIC] = matrix[:, :numeric].astype(np.float32)
        if numeric < matrix.shape[1]:
            feeds[CATEGORICAL] = matrix[:, numeric:].astype(str).astype(object)
        return task.scores(np.asarray(session.run([output], feeds)[0], np.float64))

    return score
