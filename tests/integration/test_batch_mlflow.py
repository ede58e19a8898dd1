"""Batches by models of MLflow: only those that somebody trusts, and the answers that they give."""

import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from hindcast.errors import InputError
from hindcast.models.registry import logged_models
from hindcast.operations.batch import config
from hindcast.operations.batch.chunks import BatchReport
from hindcast.operations.batch.run import run_batch
from tests import logged
from tests.integration.hindsight import Home


def run(home: Home, folder: Path, model: Path, *trusted: str, **settings: Any) -> BatchReport:
    """Score rows.csv to scores.parquet."""
    source, target = folder / "rows.csv", folder / "scores.parquet"
    params = {"uri": str(model), "trusted_digests": [*trusted], "keys": ["row"]}
    document = {
        "model": {"type": "mlflow", "params": params},
        "data": {
            "source": {"type": "local_file", "params": {"path": str(source)}},
            "target": {"type": "local_file", "params": {"path": str(target)}},
        },
        **settings,
    }
    batch = config.parse(yaml.safe_dump(document), "batch.yaml")
    return run_batch(home.application, batch)


def test_a_trusted_model_scores_and_rows_it_cannot_take_are_told(
    settled: Home, tmp_path: Path
) -> None:
    classifier = logged.classifier()
    model = logged.save(classifier, tmp_path / "model")
    (tmp_path / "rows.csv").write_text("row,x,kind\n1,0.5,a\n2,banana,a\n3,2.5,c\n4,,b\n")
    digest = logged_models.digest(model)
    with pytest.raises(InputError, match=rf"may be a pickle.*then add {digest}"):
        run(settled, tmp_path, model)
    report = run(settled, tmp_path, model, digest, max_error_share=0.5)
    assert (report.rows, report.scored, report.errors) == (4, 2, 2)
    assert report.model == f"mlflow-{digest[:12]}"
    found = pq.read_table(tmp_path / "scores.parquet")
    assert found.column_names == ["row", "prediction", "probability", "release", "as_of", "run"]
    frame = logged.table([0.5, 2.5], ["a", "c"]).to_pandas()
    assert found["row"].to_pylist() == ["1", "3"]
    assert found["prediction"].to_pylist() == classifier.predict(frame).tolist()
    assert found["probability"].to_pylist() == classifier.predict_proba(frame)[:, 1].tolist()
    errors = pq.read_table(tmp_path / "scores.errors.parquet")
    [text, empty] = errors["reason"].to_pylist()
    assert text.startswith("x is no double: ")
    assert empty.startswith("ValueError: Input X contains NaN")

    (model / "MLmodel").write_text((model / "MLmodel").read_text() + "# changed\n")
    with pytest.raises(InputError, match="is not in trusted_digests"):
        run(settled, tmp_path, model, digest)


def test_a_function_of_mlflow_answers_with_its_own_columns_from_its_own_process(
    settled: Home, tmp_path: Path
) -> None:
    model = logged.save_function(tmp_path / "model")
    (tmp_path / "rows.csv").write_text("row,x,kind\n1,0.5,a\n2,,a\n3,2.5,c\n")
    with pytest.raises(InputError, match="may be a pickle"):
        run(settled, tmp_path, model)
    report = run(settled, tmp_path, model, logged_models.digest(model), max_error_share=0.5)
    assert (report.rows, report.scored, report.errors) == (3, 2, 1)
    found = pq.read_table(tmp_path / "scores.parquet")
    assert found.column_names == ["row", "twice", "pid", "release", "as_of", "run"]
    assert found["twice"].to_pylist() == [1.0, 5.0]
    (pid,) = set(found["pid"].to_pylist())
    assert pid != os.getpid()
    errors = pq.read_table(tmp_path / "scores.errors.parquet")
    assert errors["reason"].to_pylist() == ["the model's twice is None"]
