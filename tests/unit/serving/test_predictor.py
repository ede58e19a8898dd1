"""Feature values become the model's inputs by type and place."""

import json
from typing import Any, cast

import numpy as np
import onnxruntime

from hindcast.serving import plan
from hindcast.serving.predictor import Predictor
from hindcast.serving.release import Release
from hindcast.serving.store import Database, OnlineReader
from tests.unit.serving import sample_release


class Recorder:
    """A session that keeps what it is fed and answers like a model sure of itself."""

    fed: dict[str, Any]

    def run(self, outputs: list[str], feed: dict[str, Any]) -> list[Any]:
        self.fed = feed
        return [np.array([[0.25, 0.75]], np.float32)]


def scored(types: list[str], row: tuple[Any, ...]) -> dict[str, Any]:
    features = [{"name": f"f{i}", "type": t, "request_time": False} for i, t in enumerate(types)]
    document = json.dumps(sample_release.plan(features=features)).encode()
    session = Recorder()
    release = Release("r", plan.parse(document), {}, cast("onnxruntime.InferenceSession", session))
    Predictor(release, OnlineReader(Database("postgresql://"), "")).score(row)
    return session.fed


def test_numbers_and_categories_enter_their_own_inputs_in_order() -> None:
    fed = scored(["bigint", "string", "boolean", "string"], (3, "a", True, "b"))
    assert fed["numeric"].tolist() == [[3.0, 1.0]]
    assert fed["numeric"].dtype == np.float32
    assert fed["categorical"].tolist() == [["a", "b"]]


def test_nulls_are_nan_and_empty() -> None:
    fed = scored(["double", "string"], (None, None))
    assert np.isnan(fed["numeric"]).tolist() == [[True]]
    assert fed["categorical"].tolist() == [[""]]
