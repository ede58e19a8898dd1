"""The bytes of an exported model depend on the model alone, and one that cannot run is refused."""

import os
import subprocess
import sys

import numpy as np
import pytest

from hindcast.errors import ReleaseError
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.training import onnx_export

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
