"""A trained release is whole, reproducible, honest about itself, and refused when ONNX differs."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from hindcast.definitions import Split
from hindcast.errors import ReleaseError, TrainingError
from hindcast.models.tasks.binary.task import Binary
from hindcast.models.training import documents, onnx_export, split, train
from hindcast.serving.release import load
from tests.unit.models.training import samples


def forest(seed: int) -> Any:
    trees = RandomForestClassifier(
        n_estimators=10, max_depth=4, class_weight="balanced", random_state=seed, n_jobs=2
    )
    return make_pipeline(SimpleImputer(strategy="median"), trees)


def forest_on_nulls(seed: int) -> Any:
    return RandomForestClassifier(n_estimators=10, max_depth=6, random_state=seed)


def release(folder: Path, estimator: Any = forest, **options: Any) -> train.TrainReport:
    model = samples.model(estimator, **options)
    data = samples.training_set(samples.read_by(model), task=model.task)
    return train.release(model, data, str(folder), "test")


def test_a_release_loads_and_lists_every_file_with_its_digest(tmp_path: Path) -> None:
    report = release(tmp_path)
    loaded = load(Path(report.folder))
    assert loaded.id == report.release
    assert set(loaded.manifest["files"]) == {
        "model.onnx",
        "baseline.onnx",
        "serving_plan.json",
        "metrics.json",
        "histograms.json",
        "features.json",
    }
    assert loaded.manifest["inputs"] == {"raw/events": {"version": 3}}
    assert loaded.plan.names == samples.NUMBERS


def test_another_process_with_another_hash_seed_gives_the_same_release(tmp_path: Path) -> None:
    here = release(tmp_path / "here")
    code = (
        "from pathlib import Path; from tests.unit.models.training.test_train import release; "
        f"print(release(Path({str(tmp_path / 'there')!r})).release)"
    )
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=root,
        env={"PYTHONHASHSEED": "4242", "PYTHONPATH": f"{root}/src:{root}", "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout.strip() == here.release


def test_metrics_hold_the_baselines_the_slices_and_the_parity(tmp_path: Path) -> None:
    report = release(tmp_path, slices=["kind", "flag"])
    found = json.loads((Path(report.folder) / "metrics.json").read_text())
    assert set(found["baseline"]) == {"logistic_regression", "prevalence"}
    assert set(found["slices"]["flag"]) == {"true", "false"}
    assert set(found["slices"]["kind"]) == {"", "a", "b"}
    assert (
        sum(part["rows"] for part in found["slices"]["kind"].values()) == found["holdout"]["rows"]
    )
    assert found["parity"]["largest_difference"] <= 1e-5
    assert found["holdout"]["rows"] == report.holdout_rows


def test_probabilities_are_calibrated_although_classes_are_weighted(tmp_path: Path) -> None:
    held = json.loads((Path(release(tmp_path).folder) / "metrics.json").read_text())["holdout"]
    assert held["mean_probability"] == pytest.approx(held["prevalence"], abs=0.02)


def by_name(last: Any) -> Any:
    """A pipeline that chooses its columns by their names, in another order than the model's."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    chosen = [("numbers", numbers, ["amount", "events"]), ("texts", texts, ["kind"])]
    return lambda seed: make_pipeline(ColumnTransformer(chosen), last)


NAMED = ("kind", "events", "amount")


@pytest.mark.parametrize(
    ("task", "last"),
    [
        ("binary", LogisticRegression()),
        ("multiclass", LogisticRegression()),
        ("regression", Ridge()),
    ],
)
def test_a_column_transformer_chooses_features_by_name_and_encodes_text_itself(
    tmp_path: Path, task: Any, last: Any
) -> None:
    report = release(tmp_path, by_name(last), names=NAMED, task=task)
    assert report.parity_largest_difference <= 1e-5
    loaded = load(Path(report.folder))
    inputs = {item.name: item.shape[-1] for item in loaded.session.get_inputs()}
    assert inputs == {"numeric": 2, "categorical": 1}


def test_a_multiclass_release_beats_its_prior_and_answers_like_scikit_learn(tmp_path: Path) -> None:
    def trees(seed: int) -> Any:
        return HistGradientBoostingClassifier(max_iter=10, random_state=seed)

    report = release(tmp_path, trees, task="multiclass", slices=["kind"])
    found = json.loads((Path(report.folder) / "metrics.json").read_text())
    assert report.learned == {"classes": ["high", "low", "usual"]}
    assert found["holdout"]["log_loss"] < found["baseline"]["prior"]["log_loss"] - 0.3
    assert sum(map(sum, found["holdout"]["confusion"]["counts"])) == report.holdout_rows
    low, high = found["over_baseline"]["intervals"]["log_loss"]
    assert low < found["over_baseline"]["estimates"]["log_loss"] < high < 0
    assert set(found["importance"]) == set(samples.NUMBERS)
    assert found["importance"]["amount"]["mean"] > found["importance"]["events"]["mean"]
    plan = json.loads((Path(report.folder) / "serving_plan.json").read_text())
    assert plan["task"] == "multiclass"
    assert "threshold" not in plan
    (output,) = load(Path(report.folder)).session.get_outputs()
    assert output.type == "tensor(float)"


def test_the_interval_of_a_regression_holds_about_its_share_of_the_holdout(tmp_path: Path) -> None:
    def trees(seed: int) -> Any:
        return HistGradientBoostingRegressor(max_iter=40, random_state=seed)

    report = release(tmp_path, trees, task="regression", coverage=0.8)
    measured = json.loads((Path(report.folder) / "metrics.json").read_text())
    found = measured["holdout"]
    assert {*measured["baseline"]} == {"ridge", "mean", "last"}
    mean, last = (measured["baseline"][name]["mae"] for name in ("mean", "last"))
    assert found["mae"] < mean < last  # Labels of an entity have nothing in common.
    assert report.learned["interval"]["coverage"] == 0.8
    assert report.learned["interval"]["half_width"] == found["half_width"] > 0
    assert found["coverage"] == report.worth["coverage"] == pytest.approx(0.8, abs=0.06)
    assert report.worth["r2"] == found["r2"] > 0.7


def test_a_holdout_by_time_alone_needs_no_entities(tmp_path: Path) -> None:
    report = release(tmp_path, split=Split(0.2, group=None))
    assert report.holdout_rows == pytest.approx(0.2 * report.rows, rel=0.01)
    assert report.train_rows + report.holdout_rows == report.rows
    manifest = json.loads((Path(report.folder) / "manifest.json").read_text())
    assert documents.split_of(manifest, samples.SOURCE) == Split(0.2, group=None)


def test_text_features_become_an_input_of_their_own(tmp_path: Path) -> None:
    report = release(tmp_path, names=("kind", "events", "amount"))
    inputs = {item.name: item.type for item in load(Path(report.folder)).session.get_inputs()}
    assert inputs == {"numeric": "tensor(float)", "categorical": "tensor(string)"}
    assert report.parity_largest_difference <= 1e-5


def test_a_declared_threshold_is_kept(tmp_path: Path) -> None:
    assert release(tmp_path, threshold=0.25).learned == {"threshold": 0.25}


def test_a_forest_that_saw_nulls_converts_wrongly_and_is_not_released(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"the model in ONNX differs .* nothing is\s+released"):
        release(tmp_path, forest_on_nulls)
    assert list(tmp_path.iterdir()) == []


def test_an_estimator_that_does_not_convert_is_not_released(tmp_path: Path) -> None:
    def indicator(seed: int) -> Any:
        return make_pipeline(SimpleImputer(add_indicator=True), LogisticRegression())

    with pytest.raises(ReleaseError, match="ONNX"):
        release(tmp_path, indicator)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("last", [LogisticRegression, GradientBoostingClassifier])
def test_a_pipeline_that_ends_in_log_odds_is_released(tmp_path: Path, last: Any) -> None:
    def pipeline(seed: int) -> Any:
        return make_pipeline(SimpleImputer(), StandardScaler(), last(random_state=seed))

    assert release(tmp_path, pipeline).parity_largest_difference <= 1e-5


def test_histogram_trees_that_read_nulls_are_released(tmp_path: Path) -> None:
    """skl2onnx's own converter passes booleans that onnx refuses."""

    def trees(seed: int) -> Any:
        return HistGradientBoostingClassifier(max_iter=10, random_state=seed)

    assert release(tmp_path, trees).parity_largest_difference <= 1e-5


def test_what_stops_a_training_names_the_model_and_leaves_no_release(tmp_path: Path) -> None:
    data = samples.training_set()
    at = data.table.column_names.index("amount")
    empty = data.table.set_column(at, "amount", pa.nulls(len(data.table), pa.float64()))
    message = "model 'sample': feature 'amount' has no value in any of the .* training rows"
    with pytest.raises(TrainingError, match=message):
        train.release(samples.model(forest), replace(data, table=empty), str(tmp_path), "test")
    nulls = r"model 'sample': LogisticRegression could not be fitted: .* \(amount have nulls\)"
    with pytest.raises(TrainingError, match=nulls):
        release(tmp_path, lambda seed: LogisticRegression())
    assert list(tmp_path.iterdir()) == []


def test_histograms_count_every_training_row(tmp_path: Path) -> None:
    report = release(tmp_path)
    found = json.loads((Path(report.folder) / "histograms.json").read_text())
    for histogram in found["features"].values():
        assert sum(histogram["counts"]) + histogram["nulls"] == report.train_rows
    assert sum(found["scores"]["counts"]) == report.holdout_rows


@pytest.mark.parametrize("names", [samples.NUMBERS, ("kind", "events", "amount")])
def test_metrics_hold_what_plots_and_cards_need(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = json.loads((Path(release(tmp_path, names=names).folder) / "metrics.json").read_text())
    for side in (found["holdout"], found["baseline"]["logistic_regression"]):
        for metric in ("roc_auc", "pr_auc", "ks", "brier", "log_loss"):
            low, high = side["intervals"][metric]
            assert low < side[metric] < high
    difference = found["holdout"]["ks"] - found["baseline"]["logistic_regression"]["ks"]
    assert found["over_baseline"]["estimates"]["ks"] == pytest.approx(difference)
    assert set(found["importance"]) == set(names)
    assert set(found["curves"]) == {"model", "logistic_regression"}
    distribution = found["score_distribution"]
    assert sum(distribution["positive"]) == found["holdout"]["positives"]


@pytest.mark.parametrize("names", [samples.NUMBERS, ("kind", "events", "amount")])
def test_the_baseline_of_a_release_scores_any_rows(tmp_path: Path, names: tuple[str, ...]) -> None:
    folder = Path(release(tmp_path, names=names).folder)
    data = samples.training_set(names)
    held = split.of(data, Split()).holdout
    baseline = (folder / "baseline.onnx").read_bytes()
    scores = onnx_export.run(baseline, Binary(0.5), data.matrix(), len(data.numeric))
    found = json.loads((folder / "metrics.json").read_text())
    expected = found["baseline"]["logistic_regression"]["mean_probability"]
    assert scores[held].mean() == pytest.approx(expected, abs=1e-6)
    assert found["baseline_parity"]["largest_difference"] <= 1e-5
