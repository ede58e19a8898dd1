"""The bytes of an exported model depend on the model alone, and one that cannot run is refused."""

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from hindcast.errors import ReleaseError
from hindcast.models.tasks.base import Fitted
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.training import onnx_export
from hindcast.models.training.fit import FittedModel
from hindcast.models.training.inputs import Inputs

EXPORT = """
import sys
import numpy as np
from sklearn.ensemble import GradientBoostingClassifier
from hindcast.models.tasks.base import Fitted
from hindcast.models.tasks.binary.calibration import Calibration
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.training import onnx_export
from hindcast.models.training.fit import FittedModel
from hindcast.models.training.inputs import Inputs

rows = np.arange(40, dtype=np.float32).reshape(20, 2)
trees = GradientBoostingClassifier(n_estimators=2, random_state=1).fit(rows, [0, 1] * 10)
fitted = Fitted(trees, Binary(0.5), Calibration(1.1, 0.1))
sys.stdout.buffer.write(onnx_export.export(FittedModel(Inputs(("a", "b"), ()), fitted)))
"""
# Processes with these seeds have the sets of skl2onnx in different orders.
HASH_SEEDS = ("0", "6")


def test_a_model_is_the_same_bytes_in_every_process() -> None:
    exporting = [
        subprocess.Popen(
            [sys.executable, "-c", EXPORT],
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
        )
        for seed in HASH_SEEDS
    ]
    first, second = (process.communicate()[0] for process in exporting)
    assert [process.returncode for process in exporting] == [0, 0]
    assert first == second


def test_a_model_that_onnx_runtime_cannot_run_is_refused_in_one_line() -> None:
    rows = np.zeros((2, 1), np.float32)
    with pytest.raises(ReleaseError, match=r"the model in ONNX cannot be run: .*; nothing is") as e:
        onnx_export.check_parity(b"no model", Binary(0.5), rows, np.zeros(2), 1)
    assert "\n" not in str(e.value)


def test_features_chosen_by_name_may_have_any_names() -> None:
    numeric, text = ("a?", "a!", "numeric", "label", "a b", "1", "probabilities"), ("Member?", "ü")
    random = np.random.default_rng(1)
    frame = pd.DataFrame(random.normal(size=(60, len(numeric))).astype(np.float32), columns=numeric)
    frame[list(text)] = random.choice(["x", "y"], (60, 2))
    encoder = OneHotEncoder(handle_unknown="ignore")
    chosen = [("n", StandardScaler(), ["a!", "label", "1"]), ("t", encoder, ["ü", "Member?"])]
    estimator = make_pipeline(ColumnTransformer(chosen), LogisticRegression())
    fitted = Fitted(estimator.fit(frame, random.integers(0, 2, 60)), Binary(0.5))
    exported = onnx_export.export(FittedModel(Inputs(numeric, text, by_name=True), fitted))
    expected = estimator.predict_proba(frame)[:, 1]
    onnx_export.check_parity(exported, Binary(0.5), frame.to_numpy(), expected, len(numeric))
