"""Batch scoring: the same answers as serving gives, each chunk once, nothing lost."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml
from deltalake import DeltaTable, write_deltalake

from hindcast.data import online_rows, retrieve
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import HindcastError, InputError
from hindcast.models.promote import rollback
from hindcast.operations.batch import config
from hindcast.operations.batch.chunks import BatchReport
from hindcast.operations.batch.run import run_batch
from hindcast.operations.batch.targets.delta import DeltaTarget
from tests.integration.crashes import run_until_killed
from tests.integration.hindsight import ANN, AS_OF, BOB, CUSTOMERS, Home


def run(
    home: Home,
    source: Mapping[str, Any],
    target: Mapping[str, Any],
    run_id: str | None = None,
    model: Mapping[str, Any] | None = None,
    **settings: Any,
) -> BatchReport:
    """Score with the champion, or another model."""
    document = {
        "model": model or {"type": "release"},
        "data": {"source": dict(source), "target": dict(target)},
        **settings,
    }
    batch = config.parse(yaml.safe_dump(document), "batch.yaml")
    return run_batch(home.application, batch, run_id)


def ids(folder: Path, *customers: object) -> dict[str, Any]:
    """A source of a CSV file of keys."""
    path = folder / "ids.csv"
    path.write_text("\n".join(["id", *map(str, customers)]) + "\n")
    return {"type": "local_file", "params": {"path": str(path)}}


def file(folder: Path, name: str = "scores.parquet") -> dict[str, Any]:
    return {"type": "local_file", "params": {"path": str(folder / name)}}


def delta(folder: Path) -> dict[str, Any]:
    return {"type": "delta", "params": {"uri": str(folder / "scores")}}


def test_looked_up_features_give_the_answers_of_the_service(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = {line["id"]: line for line in home.answer(*CUSTOMERS)}
    monkeypatch.setattr(online_rows, "ROWS", 7)
    asked = [ANN, *reversed(CUSTOMERS)]
    report = run(home, ids(tmp_path, *asked), file(tmp_path))
    found = pq.read_table(tmp_path / "scores.parquet")
    assert (report.rows, report.scored, report.errors) == (41, 41, 0)
    assert found["id"].to_pylist() == asked
    for row in found.to_pylist():
        line = lines[row["id"]]
        assert row["prediction"] == line["prediction"]
        assert row["probability"] == line["probability"]
        assert row["as_of"].isoformat() == line["features_as_of"]
    assert set(found["release"].to_pylist()) == {report.model}
    assert set(found["run"].to_pylist()) == {report.run}


def test_a_spine_is_scored_point_in_time_as_predict_as_of_does(
    settled: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "spine.csv"
    path.write_text(f"id,as_of\n{ANN},2021-06-17\n{BOB},2021-09-10T12:00:00Z\n")
    run(settled, {"type": "spine", "params": {"path": str(path)}}, file(tmp_path))
    rows = pq.read_table(tmp_path / "scores.parquet").to_pylist()
    assert [row["as_of"].isoformat()[:10] for row in rows] == ["2021-06-17", "2021-09-10"]
    for row in rows:
        then = row["as_of"].isoformat()
        command = ("predict", row["id"], "--as-of", then, "--release", row["release"], "--json")
        _, out, _ = settled.run(capsys, *command)
        assert row["probability"] == json.loads(out)["probability"]


def test_rows_that_cannot_be_scored_are_beside_the_target_with_the_reason(
    settled: Home, tmp_path: Path
) -> None:
    source = ids(tmp_path, ANN, "x", -1, BOB, "1,2")
    with pytest.raises(HindcastError, match=r"3 of 5 rows have no answer.*max_error_share is 0"):
        run(settled, source, file(tmp_path, "a.csv"))
    assert sorted(path.name for path in tmp_path.glob("a.*")) == ["a.errors.csv"]
    report = run(settled, source, file(tmp_path, "b.csv"), max_error_share=0.6)
    assert (report.rows, report.scored, report.errors) == (5, 2, 3)
    errors = pyarrow.csv.read_csv(tmp_path / "b.errors.csv").to_pylist()
    assert [(row["row"], row["reason"]) for row in errors] == [
        (1, "id 'x' is not a bigint; correct the key"),
        (2, "there is no customer with these keys"),
        (None, "ids.csv line 6: 2 columns where the header has 1"),
    ]
    assert json.loads(errors[0]["keys"]) == {"id": "x"}


def test_the_same_run_writes_nothing_twice(settled: Home, tmp_path: Path) -> None:
    source = ids(tmp_path, *CUSTOMERS)
    first = run(settled, source, delta(tmp_path), "once", chunk_rows=15)
    assert (first.chunks, first.resumed_at) == (3, 0)
    assert run(settled, source, delta(tmp_path), "once", chunk_rows=15) == first
    table = DeltaTable(str(tmp_path / "scores")).to_pyarrow_table()
    assert sorted(table["id"].to_pylist()) == sorted(CUSTOMERS)
    started, ended = [r for r in settled.application.ledger.runs("batch") if r.id == "once"], first
    assert started[0].outputs["report"]["rows"] == ended.rows
    assert started[0].inputs["source"]["files"]["ids.csv"]


@pytest.mark.parametrize(
    ("crash", "there"),
    [
        # The errors of the second chunk are written, its answers are not.
        ("after hindcast.stores.folders:LocalFolder.write 3", 1),
        ("after hindcast.operations.batch.targets.delta:DeltaTarget.publish 1", 3),
    ],
    ids=["in a chunk", "published"],
)
def test_a_killed_run_goes_on_where_it_stopped(
    home: Home, tmp_path: Path, crash: str, there: int
) -> None:
    document = {
        "model": {"type": "release"},
        "data": {"source": ids(tmp_path, *CUSTOMERS), "target": delta(tmp_path)},
        "chunk_rows": 15,
    }
    path = tmp_path / "batch.yaml"
    path.write_text(yaml.safe_dump(document))
    command = ["batch", str(path), "--run-id", "killed", "--home", str(home.folder)]
    command += ["--project", str(home.definitions.parent)]
    run_until_killed(crash, *command, HINDCAST_DATABASE_URL=home.database_url)
    report = run_batch(home.application, config.read(path), "killed")
    assert (report.rows, report.chunks, report.resumed_at) == (40, 3, there)
    table = DeltaTable(str(tmp_path / "scores")).to_pyarrow_table()
    assert sorted(table["id"].to_pylist()) == sorted(CUSTOMERS)
    assert set(table["run"].to_pylist()) == {"killed"}
    assert run_batch(home.application, config.read(path), "killed") == report


def test_a_run_goes_on_with_the_data_and_the_model_that_it_was_begun_with(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "ids"
    write_deltalake(table, pa.table({"id": list(CUSTOMERS)}))
    source = {"type": "delta", "params": {"uri": str(table)}}
    arguments: Any = (home, source, delta(tmp_path), "begun")
    with monkeypatch.context() as patch:
        patch.setattr(DeltaTarget, "publish", broken)
        with pytest.raises(HindcastError, match="the disk is full"):
            run(*arguments)
    write_deltalake(table, pa.table({"id": [ANN]}), mode="append")
    champion = home.releases[-1]
    rollback(home.application, None)
    with pytest.raises(InputError, match="begun with another chunk_rows"):
        run(*arguments, chunk_rows=7)
    report = run(*arguments)
    assert (report.rows, report.resumed_at, report.model) == (40, 1, champion)
    runs = home.application.ledger.runs("batch", limit=2)
    assert [each.parameters.get("resumes") for each in runs] == ["begun", None]


def broken(*_: Any) -> None:
    raise HindcastError("the disk is full")


def test_every_row_of_the_online_store_into_postgres_by_key(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCORES", home.database_url.replace("postgresql:", "postgresql+psycopg:"))
    params = {"url": "${env:SCORES}", "table": "scores", "keys": ["id"]}
    target = {"type": "sql", "params": params}
    source = {"type": "online_store"}
    first = run(home, source, target)
    second = run(home, source, target, chunk_rows=7)
    assert first.rows == second.rows
    query = {"url": "${env:SCORES}", "query": "SELECT id, run FROM scores ORDER BY id"}
    model = {"type": "release", "params": {"release": 1}}
    again = run(home, {"type": "sql", "params": query}, file(tmp_path), None, model)
    assert again.rows == first.rows
    assert home.database_url not in json.dumps(
        [dict(each.parameters) for each in home.application.ledger.runs("batch")]
    )


def test_given_feature_values_are_scored_without_a_look_up(settled: Home, tmp_path: Path) -> None:
    champion = {"release": settled.releases[-1]}
    looked = {"type": "release", "params": champion}
    run(settled, ids(tmp_path, *CUSTOMERS), file(tmp_path), None, looked, as_of=AS_OF)
    looked_up = pq.read_table(tmp_path / "scores.parquet")
    spine = pa.table({"id": list(CUSTOMERS), "as_of": [AS_OF] * 40})
    project = settled.application.project
    service = project.service_of(project.model())
    lake = settled.application.lake
    features = retrieve.historical(service, DuckDBEngine(), lake, spine)
    pq.write_table(features.drop_columns(["as_of"]), tmp_path / "features.parquet")
    source = {"type": "local_file", "params": {"path": str(tmp_path / "features.parquet")}}
    model = {"type": "release", "params": {**champion, "features": "given"}}
    run(settled, source, file(tmp_path, "given.csv"), None, model)
    given = pyarrow.csv.read_csv(tmp_path / "given.csv")
    assert given["prediction"].to_pylist() == looked_up["prediction"].to_pylist()
    assert given["probability"].to_pylist() == looked_up["probability"].to_pylist()


class Numbers:
    """A user's own source, which declares no parameters."""

    columns = ("id",)
    facts: Mapping[str, Any] = {}  # As a user would write it.
    is_repeatable = True
    refused = ()

    def __init__(self, params: Mapping[str, Any], context: Any) -> None:
        self._last = params["last"]

    def tables(self, rows: int) -> Any:
        yield pa.table({"id": list(range(ANN, self._last))})

    def close(self) -> None:
        pass


def test_a_users_own_class_is_a_part(settled: Home, tmp_path: Path) -> None:
    source = {"type": f"{__name__}:Numbers", "params": {"last": ANN + 3}}
    assert run(settled, source, file(tmp_path)).rows == 3
    with pytest.raises(InputError, match=r"source .*Numbers: KeyError: 'last'"):
        run(settled, {**source, "params": {}}, file(tmp_path))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"source": {"type": "local_file", "params": {"path": "no.csv"}}}, "no.csv: no such file"),
        ({"keep": ["idd"]}, "data.keep names column 'idd'.*did you mean id?"),
    ],
    ids=["no file", "no column"],
)
def test_what_is_missing_is_said_before_anything_is_read(
    settled: Home, tmp_path: Path, change: Mapping[str, Any], said: str
) -> None:
    data = {"source": ids(tmp_path, ANN), "target": file(tmp_path), **change}
    batch = config.parse(yaml.safe_dump({"model": {"type": "release"}, "data": data}), "b.yaml")
    with pytest.raises(InputError, match=said):
        run_batch(settled.application, batch)
    assert not (tmp_path / "scores.parquet").exists()
