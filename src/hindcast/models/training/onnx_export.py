"""Export a classifier to ONNX, and refuse it unless ONNX Runtime reproduces it."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType

from hindcast.errors import ReleaseError
from hindcast.models.training import calibration
from hindcast.models.training.calibration import Calibration
from hindcast.serving.release import open_model

LARGEST_DIFFERENCE = 1e-5
# Nearer to the threshold than this, float32 may fall on its other side.
UNDECIDED = 1e-6
OPSET = 17


@dataclass(frozen=True)
class Parity:
    """How ONNX Runtime compares with scikit-learn over the holdout."""

    rows: int
    largest_difference: float
    label_disagreements: int

    def document(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)


def export(
    classifier: Any, numeric: int, categorical: int, calibrated: Calibration | None = None
) -> bytes:
    """The classifier as ONNX: inputs numeric [N, n] and categorical [N, m], output probabilities.

    Raises ReleaseError when scikit-learn's converter does not know the estimator.
    """
    inputs: list[tuple[str, Any]] = []
    if numeric:
        inputs.append(("numeric", FloatTensorType([None, numeric])))
    if categorical:
        inputs.append(("categorical", StringTensorType([None, categorical])))
    try:
        model = to_onnx(
            classifier, initial_types=inputs, target_opset=OPSET, name="model",
            options={id(classifier): {"zipmap": False}},
        )  # fmt: skip
    except (RuntimeError, ValueError, TypeError, AttributeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ReleaseError(
            f"the estimator does not convert to ONNX: {reason}; use one skl2onnx knows"
        ) from error
    if calibrated:
        calibration.append(model, calibrated)
    # skl2onnx lists them in the order of a set, which another process has otherwise.
    model.opset_import.sort(key=lambda opset: opset.domain)
    return bytes(model.SerializeToString(deterministic=True))


def check_parity(
    model: bytes, matrix: NDArray[Any], expected: NDArray[np.float64], threshold: float,
    numeric: int, what: str = "the model",
) -> Parity:  # fmt: skip
    """Compare over all rows; raises ReleaseError with the numbers where they differ."""
    got = run(model, matrix, numeric)
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
