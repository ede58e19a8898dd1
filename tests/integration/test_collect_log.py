"""Collecting the prediction log: each prediction once, however often it is handed over."""

import gzip
import io
import json
import multiprocessing
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from deltalake import write_deltalake
from typer.testing import CliRunner

from hindcast import cli, names
from hindcast.audit import prediction_log
from hindcast.audit.prediction_log import CollectReport, Stream, collect, collector
from hindcast.errors import InputError
from hindcast.stores.lake import Lake
from lambdas.collect_log.handler import handler
from tests.integration.crashes import run_until_killed
from tests.unit.audit.prediction_log import prediction_lines as samples
from tests.unit.audit.prediction_log.prediction_lines import NOW, RELEASE, START

TORN = samples.text(9)[:-20] + "\n"


def write(folder: Path, text: str, name: str = "serve.log") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def add(lake: Lake, *sources: Path | Stream) -> CollectReport:
    """Collect; the counts of the report always add up."""
    report = collect(sources, lake, NOW)
    assert report.lines == report.predictions + report.other + report.quarantined
    assert report.predictions == report.new + report.already
    return report


def rows(lake: Lake, *parts: str) -> list[dict[str, Any]]:
    table = lake.find(*(parts or (names.PREDICTIONS,)))
    return [] if table is None else list(table.to_pyarrow_table().to_pylist())


def keys(lake: Lake) -> list[int]:
    return sorted(int(row["id"]) for row in rows(lake))


def quarantine(lake: Lake) -> list[tuple[str, int]]:
    found = rows(lake, names.QUARANTINE, names.PREDICTIONS)
    return sorted((row["file"], row["line"]) for row in found)


def test_a_log_becomes_rows(tmp_path: Path, lake: Lake) -> None:
    path = write(tmp_path, "serving on http://\n" + samples.text(1, 2) + TORN)
    report = add(lake, path)
    assert (report.lines, report.new, report.other, report.quarantined) == (4, 2, 1, 1)
    assert report.reasons[0].startswith("serve.log line 4: is torn or not JSON")
    row = min(rows(lake), key=lambda row: str(row["instant"]))
    assert json.loads(row.pop("features")) == samples.line(1)["features"]
    assert row == {
        "prediction_id": "00000000-0000-7000-8000-000000000001",
        "instant": START + timedelta(seconds=1),
        "id": "1",
        "request": None,
        "release": RELEASE,
        "materialization": "run1",
        "features_as_of": START - timedelta(days=1),
        "features_as_of_by_view": None,
        "prediction": 1,
        "probability": 0.25,
        "answer": '{"prediction":1,"probability":0.25}',
        "outcome": "predicted",
        "tag": None,
        "collected_at": NOW,
    }


def test_a_file_collected_again_or_grown_adds_what_is_new(tmp_path: Path, lake: Lake) -> None:
    path = write(tmp_path, samples.text(1, 2) + TORN)
    assert add(lake, path, path).new == 2
    again = add(lake, path)
    assert (again.new, again.already, again.quarantined) == (0, 2, 1)
    write(tmp_path, samples.text(1, 2) + TORN + samples.text(3, 2, 3))
    grown = add(lake, path)
    assert (grown.new, grown.already) == (1, 4)
    assert keys(lake) == [1, 2, 3]
    assert quarantine(lake) == [("serve.log", 3)]


def test_files_streams_and_records_are_one_log(tmp_path: Path, lake: Lake) -> None:
    packed = tmp_path / "old.log.gz"
    packed.write_bytes(gzip.compress(samples.text(1, 2).encode()))
    firehose = write(tmp_path, json.dumps(samples.record(*samples.text(2, 3).splitlines())) * 2)
    stream = Stream("-", io.BytesIO(samples.text(4, 1).encode()))
    report = add(lake, packed, firehose, stream)
    assert (report.new, report.predictions) == (4, 8)
    assert keys(lake) == [1, 2, 3, 4]


def test_lines_are_committed_in_batches(
    tmp_path: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector, "BATCH_LINES", 10)
    path = write(tmp_path, samples.text(*range(35)))
    assert add(lake, path).new == 35
    table = lake.open(names.PREDICTIONS, fix="")
    assert table.version() == 4
    assert (add(lake, path).new, keys(lake)) == (0, list(range(35)))


def test_a_cut_off_gzip_file_gives_its_whole_lines(tmp_path: Path, lake: Lake) -> None:
    packed = gzip.compress("".join(samples.text(n, n * 7) for n in range(500)).encode())
    path = tmp_path / "serve.log.gz"
    path.write_bytes(packed[: len(packed) // 2])
    report = add(lake, path)
    assert 0 < report.new < 500
    assert report.quarantined == 1
    assert "the gzip data end here" in report.reasons[-1]
    path.write_bytes(packed)
    assert add(lake, path).quarantined == 0


def test_compacted_predictions_are_still_collected_once(tmp_path: Path, lake: Lake) -> None:
    for number in range(1, 4):
        add(lake, write(tmp_path, samples.text(number) + TORN))
    assert prediction_log.compact(lake) == {"predictions": 3, "quarantine/predictions": 0}
    report = add(lake, write(tmp_path, samples.text(*range(1, 5))))
    assert (report.new, report.already) == (1, 3)
    assert len(rows(lake)) == 4


def test_nothing_to_collect_makes_no_table(tmp_path: Path, lake: Lake) -> None:
    assert add(lake, write(tmp_path, "")).lines == 0
    assert lake.find(names.PREDICTIONS) is None
    with pytest.raises(InputError, match=r"nothing.log: no such file; name a log file"):
        add(lake, write(tmp_path, samples.text(1)), tmp_path / "nothing.log")
    assert lake.find(names.PREDICTIONS) is None


def test_the_lambda_collects_a_streams_records(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(names.ENV_LAKE, lake.root)
    monkeypatch.setenv(names.ENV_DEPLOYMENT, "staging")
    lines = samples.text(1, 2).splitlines(True)
    records = (("START RequestId: 1\n", lines[0]), (lines[1], TORN))
    event = samples.batch(*(samples.data(*messages) for messages in records))
    report = handler(event, None)
    assert (report["new"], report["other"], report["quarantined"]) == (2, 1, 1)
    assert (handler(event, None)["new"], keys(lake)) == (0, [1, 2])
    control = samples.data("CWL CONTROL MESSAGE", kind="CONTROL_MESSAGE")
    assert handler(samples.batch(control), None)["new"] == 0
    assert quarantine(lake) == [("shardId-000000000000:1", 1)]
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one[names.METRIC_COLLECTED] for one in told] == [2, 0, 0]
    assert {one[names.METRIC_DIMENSION] for one in told} == {"staging"}


def test_the_command(tmp_path: Path) -> None:
    path, home = write(tmp_path, samples.text(1, 2)), str(tmp_path / "home")
    run = CliRunner().invoke
    done = run(cli.app, ["collect-log", str(path), "--home", home, "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "lines": 2,
        "predictions": 2,
        "new": 2,
        "already": 0,
        "other": 0,
        "quarantined": 0,
        "reasons": [],
    }
    done = run(cli.app, ["collect-log", "-", "--home", home], input=samples.text(2, 3))
    assert [line.split() for line in done.stdout.splitlines()][2:4] == [
        ["new", "1"],
        ["already", "1"],
    ]


@pytest.mark.parametrize(
    ("crash", "expected"),
    [
        # Other moments are those of tests/faults.
        ("after hindcast.stores.lake:write_deltalake 1", 100),
        ("before hindcast.audit.prediction_log.parser:Batch.quarantine 2", 200),
    ],
)
def test_a_killed_collect_is_completed_by_another(
    tmp_path: Path, lake: Lake, crash: str, expected: int
) -> None:
    path = write(tmp_path, samples.text(*range(230)) + TORN)
    run_until_killed(crash, "collect-log", str(path), "--home", str(tmp_path))
    assert len(rows(lake)) == expected
    report = add(lake, path)
    assert (report.new, report.already) == (230 - expected, expected)
    assert keys(lake) == list(range(230))
    assert quarantine(lake) == [("serve.log", 231)]


def _collect_in_step(path: Path, root: str, barrier: Barrier) -> None:
    """Collect beside another process, entering the first commit together with it."""
    waits = [1]

    def in_step(*arguments: Any, **options: Any) -> None:
        if waits:
            barrier.wait(waits.pop() * 60)
        write_deltalake(*arguments, **options)

    patch = pytest.MonkeyPatch()
    patch.setattr("hindcast.stores.lake.write_deltalake", in_step)
    collect([path], Lake(root), NOW)


def collect_at_once(lake: Lake, first: Path, second: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(2)
    processes = [
        context.Process(target=_collect_in_step, args=(path, lake.root, barrier))
        for path in (first, second)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]


def test_overlapping_logs_collected_at_once_are_there_once(tmp_path: Path, lake: Lake) -> None:
    add(lake, write(tmp_path, samples.text(0, 1)))
    first = write(tmp_path, samples.text(*range(300)), "a.log")
    second = write(tmp_path, samples.text(*range(150, 500)), "b.log")
    collect_at_once(lake, first, second)
    assert keys(lake) == list(range(500))
