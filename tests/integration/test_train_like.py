"""Train again from a release's manifest: the same digest, or exactly what is not the same."""

import json
import shutil
from datetime import timedelta
from importlib.metadata import version

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import DamagedError, HindcastError, InputError, ReleaseError
from hindcast.models.training import documents
from hindcast.models.training.retrain import RetrainReport, train_like
from hindcast.releases import contents
from hindcast.serving.release import release_id, short
from tests.integration.hindsight import ANN, AS_OF, LOAN, NOW, Home, ingest


def again(home: Home, like: str | None = None) -> RetrainReport:
    return train_like(home.application, like or home.releases[-1], DuckDBEngine())


def said(report: RetrainReport) -> dict[str, str]:
    """What differs -> how."""
    return dict(line.split(": ", 1) for line in report.differences)


def test_an_unchanged_project_gives_the_same_digest_and_records_nothing(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    home.ingest({"id": ANN}, now=NOW - timedelta(days=1))
    home.ingest({"id": ANN, "loan_id": 9_000_001}, now=NOW + timedelta(days=1))
    newest, ledger = home.releases[-1], home.application.ledger
    before = (ledger.runs(), ledger.releases(), sorted(home.folder.glob("releases/*")))
    code, printed, errors = home.run(capsys, "train", "--like", newest, "--json")
    assert (code, errors) == (0, "")
    assert json.loads(printed) == {
        "like": newest,
        "release": newest,
        "same": True,
        "differences": [],
    }
    assert (ledger.runs(), ledger.releases(), sorted(home.folder.glob("releases/*"))) == before


def test_rows_that_did_not_know_late_records_are_trained_on_again_exactly(home: Home) -> None:
    """Every loan is recorded on its day or, one in ten, 90 days later; the lake has it twice."""
    dated = home.redefine(
        ('label="status",', 'label="status", recorded_at="recorded_at",'),
        ('"loan_id": "bigint",', '"loan_id": "bigint", "recorded_at": "timestamp",'),
    )
    loans = home.application.lake.open("raw", "loans", fix="").to_pyarrow_table().select([*LOAN])
    lags = pa.array([timedelta(days=0 if n % 10 else 90) for n in range(len(loans))])
    recorded = pc.add(loans["loan_date"].cast(pa.timestamp("us", "UTC")), lags)
    pq.write_table(loans.append_column("recorded_at", recorded), home.folder / "dated.parquet")
    ingest(dated.application, home.folder / "dated.parquet")
    as_known_then = dated.train(AS_OF)
    assert as_known_then != dated.train(AS_OF, per_row=False)
    assert again(dated, as_known_then).same


def test_another_seed_is_said_and_the_command_exits_with_1(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = home.redefine(("seed=20210917", "seed=5"))
    like = home.releases[0]
    code, printed, _ = changed.run(capsys, "train", "--like", like, "--json")
    report = RetrainReport(**json.loads(printed))
    assert (code, report.same, report.like) == (1, False, like)
    assert report.release != like
    found = said(report)
    assert found["seed"] == "20210917, now 5"
    assert {"files.model.onnx", "code_revision"} <= set(found)
    assert not [where for where in found if where.startswith(("libraries", "inputs", "as_of"))]


def test_other_features_are_said_by_the_definitions_hash_and_the_files(home: Home) -> None:
    before = contents.read(home.application.release_folder(home.releases[-1])).manifest
    feature = '        Feature("has_work_phone", "flag_work_phone = 1", over=latest()),\n'
    changed = home.redefine((feature, ""))
    found = said(again(changed))
    now = changed.application.project.view().definition_hash
    assert found["views.credit_history"] == f"{before['views']['credit_history']}, now {now}"
    assert {"files.features.json", "files.serving_plan.json", "code_revision"} <= set(found)
    assert not [where for where in found if where.startswith(("libraries", "inputs", "seed"))]


def test_another_version_of_a_library_is_all_that_differs(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = contents.read(home.application.release_folder(home.releases[-1])).manifest
    monkeypatch.setattr(documents, "version", lambda n: "9.9" if n == "numpy" else version(n))
    report = again(home)
    assert report.same is False
    assert report.differences == (f"libraries.numpy: {manifest['libraries']['numpy']}, now 9.9",)


def test_other_code_is_all_that_differs(home: Home) -> None:
    changed = home.redefine(("The worked example", "The changed example"))
    report = again(changed)
    assert not report.same
    (line,) = report.differences
    assert line.startswith("code_revision: hindcast ")
    assert line.count("definitions ") == 2


def test_data_that_the_lake_does_not_have_are_refused(home: Home) -> None:
    """As in a lake that was restored from an older copy, or that was vacuumed."""
    like = _with_version(home, home.releases[-1], 99)
    with pytest.raises(HindcastError, match="raw/loans: cannot be opened"):
        again(home, like)
    shutil.rmtree(home.folder / "lake")
    with pytest.raises(DamagedError, match=r"raw/loans: _delta_log/0+1\.json is missing"):
        again(home)


def test_a_release_that_is_unknown_changed_or_of_no_model_of_the_project_is_refused(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    code, printed, errors = home.run(capsys, "train", "--like", "credit_risk-0")
    assert (code, printed) == (2, "")
    assert "has no release 'credit_risk-0'; it has 2 (" in errors
    renamed = home.redefine(('    "credit_risk",\n', '    "other_risk",\n'))
    with pytest.raises(InputError, match="no model 'credit_risk'; the project has other_risk"):
        again(renamed)
    metrics = home.application.release_folder(home.releases[-1]) / "metrics.json"
    metrics.write_text("{}")
    with pytest.raises(ReleaseError, match=r"metrics\.json has changed since it was released"):
        again(home)


def _with_version(home: Home, release: str, version: int) -> str:
    """A copy of a release whose manifest names another version of the raw table."""
    folder = home.application.release_folder(release)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["inputs"]["raw/loans"]["version"] = version
    copied = folder.with_name(release_id(manifest))
    shutil.copytree(folder, copied)
    (copied / "manifest.json").write_text(json.dumps(manifest))
    home.application.ledger.add_release(
        manifest["model"], copied.name, manifest, {}, str(copied), None
    )
    return copied.name


def test_a_release_of_a_file_is_listed_and_its_card_names_the_file(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    mine, rows = home.folder / "mine.parquet", home.folder / "rows.parquet"
    assert home.run(capsys, "training-set", "--as-of", AS_OF, "--out", rows)[0] == 0
    pq.write_table(pq.read_table(rows, columns=["id", "event_timestamp", "label"]), mine)
    assert home.run(capsys, "train", "--spine", mine)[0] == 0
    newest = home.releases[-1]
    assert short(newest) in home.run(capsys, "releases")[1]
    card = (home.folder / "releases" / f"{newest}.html").read_text()
    assert "<code>spine/mine.parquet</code> sha256 " in card
    assert ("train --spine mine.parquet" in card, "--like" in card) == (True, False)
    code, _, error = home.run(capsys, "train", "--like", newest)
    assert code == 2
    assert "mine.parquet, which it does not carry" in error
