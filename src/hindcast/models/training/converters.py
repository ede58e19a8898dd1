"""What skl2onnx alone does not convert: histogram trees, LightGBM, XGBoost."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from skl2onnx import update_registered_converter
from skl2onnx.common._registration import get_converter, get_shape_calculator
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from hindcast.errors import TrainingError

# skl2onnx's names for the trees of HistGradientBoosting.
HISTOGRAM_TREES = {
    HistGradientBoostingClassifier: "SklearnHistGradientBoostingClassifier",
    HistGradientBoostingRegressor: "SklearnHistGradientBoostingRegressor",
}
MISSING_GOES_LEFT = "nodes_missing_value_tracks_true"
# What skl2onnx asks of every classifier's converter.
_OPTIONS = {"nocl": [True, False], "zipmap": [True, False, "columns"], "raw_scores": [True, False]}

Converter = Callable[..., None]
Mend = Callable[[Sequence[Any]], Sequence[Any]]
_CLASSIFIER: Converter = calculate_linear_classifier_output_shapes
_REGRESSOR: Converter = calculate_linear_regressor_output_shapes


def conversion_functions() -> dict[type, Converter]:
    """Converters in place of skl2onnx's own."""
    return {
        kind: _mended(get_converter(name), MISSING_GOES_LEFT, _whole)
        for kind, name in HISTOGRAM_TREES.items()
    }


def shape_calculators() -> dict[type, Converter]:
    """Shape calculators beside those converters."""
    return {kind: get_shape_calculator(name) for kind, name in HISTOGRAM_TREES.items()}


def register_library(kind: type) -> None:
    """Let skl2onnx know the estimators of the boosting library that a class is of, if it is of one.

    Raises TrainingError where onnxmltools is missing.
    """
    library = kind.__module__.partition(".")[0]
    if library not in _LIBRARIES:
        return
    try:
        _LIBRARIES[library]()
    except ModuleNotFoundError as error:
        raise TrainingError(
            f"{kind.__name__} converts to ONNX by {error.name}, which is not installed; install "
            "hindcast[boosting]"
        ) from error


@cache
def _register_lightgbm() -> None:
    from lightgbm import LGBMClassifier, LGBMRegressor
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

    convert = _mended(convert_lightgbm, "nodes_values", _rounded_down)
    _register(LGBMClassifier, _CLASSIFIER, convert)
    _register(LGBMRegressor, _REGRESSOR, convert, split=None)


@cache
def _register_xgboost() -> None:
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
    from xgboost import XGBClassifier, XGBRegressor

    _register(XGBClassifier, _CLASSIFIER, _without_names(convert_xgboost))
    _register(XGBRegressor, _REGRESSOR, _without_names(convert_xgboost))


_LIBRARIES = {"lightgbm": _register_lightgbm, "xgboost": _register_xgboost}


def _register(kind: type, shapes: Converter, convert: Converter, **options: Any) -> None:
    known = {**_OPTIONS, **options} if shapes is _CLASSIFIER else options
    update_registered_converter(kind, f"Hindcast{kind.__name__}", shapes, convert, options=known)


def _without_names(convert: Converter) -> Converter:
    """onnxmltools' converter, which knows the features of XGBoost by their places alone."""

    def converted(scope: Any, operator: Any, container: Any) -> None:
        with _nameless(operator.raw_operator.get_booster()):
            convert(scope, operator, container)

    return converted


@contextmanager
def _nameless(booster: Any) -> Iterator[None]:
    names = booster.feature_names
    booster.feature_names = None
    try:
        yield
    finally:
        booster.feature_names = names


class _Mended:
    """A container of ONNX nodes that changes an attribute of every node that is added."""

    def __init__(self, container: Any, attribute: str, mend: Mend) -> None:
        self._container, self._attribute, self._mend = container, attribute, mend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, *arguments: Any, **attributes: Any) -> None:
        """Add a node."""
        if self._attribute in attributes:
            attributes[self._attribute] = self._mend(attributes[self._attribute])
        self._container.add_node(*arguments, **attributes)


def _mended(convert: Converter, attribute: str, mend: Mend) -> Converter:
    def converted(scope: Any, operator: Any, container: Any) -> None:
        convert(scope, operator, _Mended(container, attribute, mend))

    return converted


def _whole(flags: Sequence[Any]) -> list[int]:
    """Flags as ONNX wants them; skl2onnx passes booleans (skl2onnx 1.20, onnx 1.23)."""
    return [int(flag) for flag in flags]


def _rounded_down(thresholds: Sequence[float]) -> list[float]:
    """The largest 32-bit floats that are not above: `value <= threshold` stays as it was.

    To the nearest float, as ONNX would store them, a value that was above may be below.
    """
    exact = np.asarray(thresholds, np.float64)
    with np.errstate(over="ignore"):  # A split on null alone has a threshold beyond every value.
        nearest = exact.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-np.inf))
    return [float(value) for value in np.where(nearest > exact, below, nearest)]
