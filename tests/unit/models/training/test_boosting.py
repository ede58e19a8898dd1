"""LightGBM and XGBoost, which bring converters of their own, are released where they are there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hindcast.errors import TrainingError
from hindcast.models.training import converters, train
from hindcast.models.training.rehearsal import require_convertible
from tests.unit.models.training import samples

ESTIMATORS = {
    ("lightgbm", "binary"): "LGBMClassifier",
    ("lightgbm", "multiclass"): "LGBMClassifier",
    ("lightgbm", "regression"): "LGBMRegressor",
    ("xgboost", "binary"): "XGBClassifier",
    ("xgboost", "multiclass"): "XGBClassifier",
    ("xgboost", "regression"): "XGBRegressor",
}
QUIET = {"lightgbm": {"verbose": -1}, "xgboost": {}}


@pytest.mark.parametrize(("library", "task"), ESTIMATORS)
def test_a_boosting_librarys_trees_are_released_with_nulls_and_text(
    tmp_path: Path, library: str, task: Any
) -> None:
    pytest.importorskip("onnxmltools")
    kind = getattr(pytest.importorskip(library), ESTIMATORS[library, task])
    names = ("kind", "events", "amount")

    def trees(seed: int) -> Any:
        return kind(n_estimators=10, random_state=seed, n_jobs=1, **QUIET[library])

    model = samples.model(trees, names, task=task)
    require_convertible(model, names[1:], names[:1])
    report = train.release(model, samples.training_set(names, task=task), tmp_path, "test")
    assert report.parity_largest_difference <= 1e-5


def test_without_its_converters_a_boosting_library_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> None:
        raise ModuleNotFoundError("No module named 'onnxmltools'", name="onnxmltools")

    monkeypatch.setitem(converters._LIBRARIES, "lightgbm", missing)
    kind = type("LGBMClassifier", (), {"__module__": "lightgbm.sklearn"})
    message = r"LGBMClassifier converts to ONNX by onnxmltools, .*; install hindcast\[boosting\]"
    with pytest.raises(TrainingError, match=message):
        converters.register_library(kind)


def test_a_value_stays_on_its_side_of_a_threshold_that_is_stored_in_32_bits() -> None:
    """To the nearest float, half of these thresholds would let a value pass that was above."""
    exact = np.random.default_rng(0).random(1_000)
    stored = np.array(converters._rounded_down([*exact, 1e300]))
    assert (stored[:-1] <= exact).all()
    assert (np.nextafter(stored[:-1].astype(np.float32), np.float32(np.inf)) > exact).all()
    assert stored[-1] == np.finfo(np.float32).max
