"""Reading collected predictions: one by its id, and samples that a seed repeats."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from hindcast import names
from hindcast.audit import prediction_log
from hindcast.audit.prediction_log import CollectReport, collect
from hindcast.errors import NotFoundError
from hindcast.stores.lake import Lake
from tests.unit.audit.prediction_log import prediction_lines as samples
from tests.unit.audit.prediction_log.prediction_lines import NOW, START


def add(lake: Lake, folder: Path, text: str) -> CollectReport:
    path = folder / "serve.log"
    path.write_text(text)
    return collect([path], lake, NOW)


@pytest.fixture
def filled(tmp_path: Path, lake: Lake) -> Lake:
    """A lake with 200 answers, every tenth unknown, of two models."""
    lines = [samples.line(number) for number in range(200)]
    for number, line in enumerate(lines):
        if number % 10 == 0:
            line |= dict.fromkeys(("features", "prediction", "probability"), None)
            line["outcome"] = "unknown"
        elif number % 2:
            line |= {"release": "churn-ba9876543210", "outcome": "scored", "materialization": None}
    add(lake, tmp_path, "\n".join(json.dumps(line) for line in lines))
    return lake


def test_a_prediction_is_found_by_its_id(filled: Lake) -> None:
    wanted = samples.line(42)
    row = prediction_log.find(filled, wanted["prediction_id"])
    assert json.loads(row["features"]) == wanted["features"]
    assert row["probability"] == wanted["probability"]
    assert row["instant"] == START + timedelta(seconds=42)
    assert prediction_log.find(filled, samples.line(10)["prediction_id"])["features"] is None


def test_what_was_not_collected_is_not_found(filled: Lake, tmp_path: Path) -> None:
    for empty in (filled, Lake(str(tmp_path / "none"))):
        with pytest.raises(NotFoundError, match=r"; run: hindcast collect-log FILE"):
            prediction_log.find(empty, "00000000")


def test_rows_from_before_the_answer_had_a_column_stay_readable(
    filled: Lake, tmp_path: Path
) -> None:
    """As a lake is that was collected into by an earlier release of Hindcast."""
    older = Lake(str(tmp_path / "older"))
    held = filled.open(names.PREDICTIONS, fix="").to_pyarrow_table().drop_columns(["answer"])
    older.append_once("as it was", held.to_reader(), names.PREDICTIONS)
    before = prediction_log.sample(older, 200)
    assert before["answer"].null_count == before.num_rows == 180
    assert add(older, tmp_path, samples.text(1000)).new == 1
    added = prediction_log.find(older, samples.line(1000)["prediction_id"])
    assert json.loads(added["answer"])["probability"] == added["probability"]
    assert prediction_log.sample(older, 200)["answer"].null_count == 180


def test_a_sample_is_uniform_and_the_same_for_a_seed(filled: Lake) -> None:
    first = prediction_log.sample(filled, 30, seed=1)
    filled.open(names.PREDICTIONS, fix="").optimize.compact()
    assert first.equals(prediction_log.sample(filled, 30, seed=1))
    assert not first.equals(prediction_log.sample(filled, 30, seed=2))
    assert set(first["outcome"].to_pylist()) == {"predicted", "scored"}
    assert first["instant"].to_pylist() == sorted(first["instant"].to_pylist())
    assert prediction_log.sample(filled, 1000).num_rows == 180
    assert prediction_log.sample(filled, 0).num_rows == 0
    drawn = [
        key for seed in range(60) for key in _ids(prediction_log.sample(filled, 30, seed=seed))
    ]
    counts = [drawn.count(key) for key in {*drawn}]
    assert len(counts) == 180
    assert max(counts) < 25


def _ids(table: Any) -> list[str]:
    return list(table["id"].to_pylist())


def test_a_sample_of_one_model_since_an_instant(filled: Lake) -> None:
    since = START + timedelta(seconds=100)
    late = prediction_log.sample(filled, 1000, since=since, model="churn")
    assert set(late["release"].to_pylist()) == {"churn-ba9876543210"}
    assert (late.num_rows, pc.min(late["instant"]).as_py()) == (50, since + timedelta(seconds=1))
    assert prediction_log.sample(filled, 1000, model="chur' OR '").num_rows == 0
    assert prediction_log.sample(filled, 1000, model="chu").num_rows == 0


def test_the_answers_about_one_entity_are_its_own_newest_first(tmp_path: Path, lake: Lake) -> None:
    lines = [samples.line(number) | {"id": "5" if number % 3 else "55"} for number in range(30)]
    lines += [samples.line(99) | {"id": "5", "release": "churn-ba9876543210"}]
    add(lake, tmp_path, "\n".join(json.dumps(line) for line in lines))
    model = lines[0]["release"].rpartition("-")[0]
    found = prediction_log.of_entity(lake, model, "55", 4).to_pylist()
    assert [row["instant"] - START for row in found] == [
        timedelta(seconds=second) for second in (27, 24, 21, 18)
    ]
    earlier = prediction_log.of_entity(lake, model, "55", 99, found[-1]["instant"])
    assert earlier.num_rows == 6
    assert prediction_log.of_entity(lake, model, "5' OR ''='", 9).num_rows == 0
