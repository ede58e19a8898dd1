"""Feature values become the model's inputs by type and place."""

import json
import math
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import onnxruntime
import pytest

from hindcast.serving import plan
from hindcast.serving.handler import make_handler
from hindcast.serving.predictor import Predictor
from hindcast.serving.release import Release
from hindcast.serving.store import Database, OnlineReader
from hindcast.traffic import proxy_events
from tests.unit.serving import sample_release


@dataclass
class Recorder:
    """A session that keeps what it is fed and answers like a model sure of itself."""

    answer: tuple[float, ...] = (0.25, 0.75)
    fed: dict[str, Any] = field(default_factory=dict)

    def run(self, outputs: list[str], feed: dict[str, Any]) -> list[Any]:
        self.fed = feed
        return [np.array([self.answer], np.float32)]


def opened(session: Recorder, **changes: Any) -> Predictor:
    """A predictor whose model is the session."""
    document = json.dumps(sample_release.plan(**changes)).encode()
    release = Release("r", plan.parse(document), {}, cast("onnxruntime.InferenceSession", session))
    return Predictor(release, OnlineReader(Database("postgresql://"), ""))


def scored(types: list[str], row: tuple[Any, ...]) -> dict[str, Any]:
    features = [{"name": f"f{i}", "type": t, "request_time": False} for i, t in enumerate(types)]
    session = Recorder()
    opened(session, features=features).score(row)
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


@pytest.mark.parametrize(
    ("task", "answer"),
    [
        ({}, (math.nan, math.nan)),
        (sample_release.MULTICLASS, (0.5, math.nan, 0.5)),
        (sample_release.REGRESSION, (math.inf,)),
    ],
    ids=["binary", "multiclass", "regression"],
)
def test_an_answer_that_is_no_finite_number_is_refused(
    task: dict[str, Any], answer: tuple[float, ...]
) -> None:
    """JSON has no word for it; which values it was of is named."""
    handler = make_handler(opened(Recorder(answer), **task))
    row = dict.fromkeys((each["name"] for each in sample_release.FEATURES), 1)
    values = {**row, "flag_own_car": True}
    for body, place in (
        ({"features": values}, "features"),
        ({"instances": [values]}, "instances[0]"),
    ):
        sent = json.dumps(body).encode()
        event = proxy_events.proxy_event("POST", "/score", [], sent, "127.0.0.1")
        found = handler(event, proxy_events.Context())
        message = "the model's answer to these values is no finite number"
        assert found["statusCode"] == 422
        assert json.loads(found["body"]) == {"error": {"field": place, "message": message}}
