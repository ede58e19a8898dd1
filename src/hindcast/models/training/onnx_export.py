"""Export a classifier to ONNX, and refuse it unless ONNX Runtime reproduces it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skl2onnx import convert_sklearn
from skl2onnx._supported_operators import sklearn_operator_name_map
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import FeatureUnion, Pipeline

from hindcast.errors import ReleaseError, TrainingError, first_line
from hindcast.models.training import calibration
from hindcast.models.training.calibration import Calibration
from hindcast.serving.release import open_model

LARGEST_DIFFERENCE = 1e-5
# Nearer to the threshold than this, float32 may fall on its other side.
UNDECIDED = 1e-6
OPSET = 17
# skl2onnx's name for the trees of HistGradientBoostingClassifier.
HISTOGRAM_TREES = "SklearnHistGradientBoostingClassifier"
MISSING_GOES_LEFT = "nodes_missing_value_tracks_true"
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
    """Raise TrainingError naming a part of an estimator that skl2onnx has no converter for."""
    parts = (estimator, *estimator.get_params().values())
    for part in parts:
        kind = type(part)
        if not isinstance(part, BaseEstimator) or issubclass(kind, JOINED):
            continue
        if kind not in sklearn_operator_name_map and not hasattr(part, "onnx_converter"):
            raise TrainingError(
                f"{kind.__name__} does not convert to ONNX, which releases are served by; use an "
                "estimator that skl2onnx knows"
            )


def export(
    classifier: Any, numeric: int, categorical: int, calibrated: Calibration | None = None
) -> bytes:
    """The classifier as ONNX: inputs numeric [N, n] and categorical [N, m], output probabilities.

    Raises ReleaseError when skl2onnx cannot convert the estimator.
    """
    inputs: list[tuple[str, Any]] = []
    if numeric:
        inputs.append(("numeric", FloatTensorType([None, numeric])))
    if categorical:
        inputs.append(("categorical", StringTensorType([None, categorical])))
    try:
        model = convert_sklearn(
            classifier,
            name="model",
            initial_types=inputs,
            target_opset=OPSET,
            options={id(classifier): {"zipmap": False}},
            custom_conversion_functions={HistGradientBoostingClassifier: _convert_histogram_trees},
            custom_shape_calculators={
                HistGradientBoostingClassifier: get_shape_calculator(HISTOGRAM_TREES)
            },
        )
    # Converters fail in ways of their own, and a user's estimator may bring one.
    except Exception as error:
        raise ReleaseError(
            f"the estimator does not convert to ONNX: {first_line(error)}; use one skl2onnx knows"
        ) from error
    for opset in model.opset_import:
        if not opset.domain:
            # Of the nodes that are there now; calibration's need more.
            opset.version = OPSET
    if calibrated:
        calibration.append(model, calibrated)
    # skl2onnx lists them in the order of a set, which another process has otherwise.
    model.opset_import.sort(key=lambda opset: opset.domain)
    return bytes(model.SerializeToString(deterministic=True))


def check_parity(
    model: bytes,
    matrix: NDArray[Any],
    expected: NDArray[np.float64],
    threshold: float,
    numeric: int,
    what: str = "the model",
) -> Parity:
    """Compare over all rows; raises ReleaseError with the numbers where they differ."""
    try:
        got = run(model, matrix, numeric)
    # ONNX Runtime's errors have no root of their own.
    except Exception as error:
        raise ReleaseError(
            f"{what} in ONNX cannot be run: {first_line(error)}; nothing is released; use another "
            "estimator"
        ) from error
    difference = float(np.max(np.abs(got - expected), initial=0.0))
    decided = np.abs(expected - threshold) > UNDECIDED
    disagree = int((((got >= threshold) != (expected >= threshold)) & decided).sum())
    parity = Parity(len(expected), difference, disagree)
    if not difference <= LARGEST_DIFFERENCE or disagree:
        raise ReleaseError(
            f"{what} in ONNX differs from scikit-learn on the holdout: probability by up to "
            f"{difference:.3g} (allowed {LARGEST_DIFFERENCE:g}), {disagree} of {parity.rows} "
            "answers; nothing is released; impute nulls inside the pipeline, or use another "
            "estimator"
        )
    return parity


def run(model: bytes, matrix: NDArray[Any], numeric: int) -> NDArray[np.float64]:
    """ONNX Runtime's probability of 1, [rows]."""
    return scorer(model, numeric)(matrix)


def scorer(model: bytes, numeric: int) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
    """A function from a matrix to ONNX Runtime's probability of 1, [rows]; loads the model once."""
    session = open_model(model)

    def score(matrix: NDArray[Any]) -> NDArray[np.float64]:
        feeds: dict[str, NDArray[Any]] = {}
        if numeric:
            feeds["numeric"] = matrix[:, :numeric].astype(np.float32)
        if numeric < matrix.shape[1]:
            feeds["categorical"] = matrix[:, numeric:].astype(str).astype(object)
        return np.asarray(session.run(["probabilities"], feeds)[0][:, 1], np.float64)

    return score


class _WholeNumbers:
    """A container of ONNX nodes whose flags for missing values are integers, as ONNX wants them."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, *arguments: Any, **attributes: Any) -> None:
        """Add a node."""
        if MISSING_GOES_LEFT in attributes:
            attributes[MISSING_GOES_LEFT] = [int(flag) for flag in attributes[MISSING_GOES_LEFT]]
        self._container.add_node(*arguments, **attributes)


def _convert_histogram_trees(scope: Any, operator: Any, container: Any) -> None:
    """skl2onnx's converter, which passes booleans that onnx refuses (skl2onnx 1.20, onnx 1.23)."""
    get_converter(HISTOGRAM_TREES)(scope, operator, _WholeNumbers(container))
