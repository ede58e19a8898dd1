"""A release of the small training set, as the card and the plots get it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from hindcast.models.training import train
from tests.unit.models.training import samples


@dataclass(frozen=True)
class Sample:
    """A release's id and its two documents."""

    release: str
    manifest: dict[str, Any]
    metrics: dict[str, Any]


def tree(seed: int) -> Any:
    return make_pipeline(
        SimpleImputer(), DecisionTreeClassifier(min_samples_leaf=50, random_state=seed)
    )


def regression_tree(seed: int) -> Any:
    return make_pipeline(
        SimpleImputer(), DecisionTreeRegressor(min_samples_leaf=50, random_state=seed)
    )


def released(folder: Path, task: str = "binary") -> Sample:
    """A release of a task, with slices."""
    estimator = regression_tree if task == "regression" else tree
    model = samples.model(estimator, slices=["kind"], task=task)
    data = samples.training_set(samples.read_by(model), task=task)
    report = train.release(model, data, str(folder), "test")
    manifest, metrics = (
        json.loads((Path(report.folder) / name).read_text())
        for name in ("manifest.json", "metrics.json")
    )
    return Sample(report.release, manifest, metrics)


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """A binary one. Shared: a test that changes a document changes a copy."""
    return released(tmp_path_factory.mktemp("releases"))


@pytest.fixture(scope="session", params=["multiclass", "regression"])
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """One of each other task, as shared."""
    return released(tmp_path_factory.mktemp("releases"), request.param)
