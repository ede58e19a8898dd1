"""The main job as a person runs it: the command line, from three files to answers of two models."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from hindcast import names
from hindcast.stores import embedded_postgres
from lambdas.train.handler import handler as train
from tests.integration import commands

ROOT = Path(__file__).parents[2]
SOURCES = ("loans", "repayments", "outcomes")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("HINDCAST_")},
    "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
}


def hindcast(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command."""
    return subprocess.run(
        [sys.executable, "-m", "hindcast", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )


def document(*arguments: str) -> Any:
    """Run one command that must succeed, and read its JSON."""
    done = hindcast(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with 400 customers' files ingested, materialized, and both models trained on."""
    folder = tmp_path_factory.mktemp("main-job")
    home = ("--home", str(folder / "home"))
    document("generate", "--out", str(folder / "loans.csv"), "--customers", "400", "--seed", "2")
    document("ingest", *(str(folder / f"{name}.csv") for name in SOURCES), *home)
    document("materialize", "--as-of", "2021-09-17", *home)
    document("train", *home)
    assert document("train", "--model", "late_payment", *home)["gate"] == "passed"
    return folder / "home"


@pytest.fixture(scope="module")
def service(home: Path) -> Iterator[str]:
    """`hindcast serve` on a free port; its URL."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hindcast", "serve", "--port", "0", "--home", str(home)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stderr is not None
    with process, process.stderr:
        yield process.stderr.readline().split()[-1]
        process.terminate()


def post(url: str, body: bytes) -> tuple[int, dict[str, Any]]:
    """Status and body of a POST."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_the_service_answers_what_predict_prints(home: Path, service: str) -> None:
    printed = document("predict", "5008827", "--home", str(home))
    status, answer = post(f"{service}/predict", b'{"id": "5008827"}')
    assert status == 200
    assert set(answer) == {
        "id",
        "prediction",
        "probability",
        "release",
        "features_as_of",
        "prediction_id",
    }
    assert answer["id"] == "5008827"
    for name in ("prediction", "probability", "release", "features_as_of"):
        assert answer[name] == printed[name]


def test_the_other_model_answers_over_three_views_and_the_application(
    home: Path, service: str
) -> None:
    asked = {"id": 5008827, "country": "DE", "branch_no": 3, "loan_amount": "150.5"}
    words = [f"{name}={value}" for name, value in asked.items()]
    printed = document("predict", *words, "--model", "late_payment", "--home", str(home))
    url = f"{service}/models/late_payment/predict"
    status, answer = post(url, json.dumps(asked).encode())
    assert (status, answer["probability"]) == (200, printed["probability"])
    features = printed["features"]
    assert features["days_since_paid"] >= 0
    assert features["branch_loans"] > 0
    assert features["amount_to_average"] == pytest.approx(
        150.5 / features["avg_amount_loans_previous"]
    )
    status, refused = post(url, b'{"id": 5008827, "country": "DE", "branch_no": 3}')
    assert (status, refused["error"]["field"]) == (422, "loan_amount")


def test_scoring_the_served_features_gives_the_same_probability(service: str) -> None:
    with urllib.request.urlopen(f"{service}/features/5008827") as response:
        features = json.load(response)["features"]
    _, scored = post(f"{service}/score", json.dumps({"features": features}).encode())
    _, answer = post(f"{service}/predict", b'{"id": 5008827}')
    assert scored["probability"] == answer["probability"]


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        (b'{"id": "1"}', 404, "id"),
        (b'{"id": "5008827', 400, None),
        (b'{"id": true}', 422, "id"),
        (b"{}", 422, "id"),
        (b'{"id": "' + b"9" * 2_000_000 + b'"}', 413, None),
    ],
    ids=["unknown", "malformed", "boolean", "missing", "oversized"],
)
def test_bad_requests_say_which_field(
    service: str, body: bytes, status: int, field: str | None
) -> None:
    got, answer = post(f"{service}/predict", body)
    assert got == status
    if field:
        assert answer["error"]["field"] == field


def test_the_training_set_has_key_time_tiebreaker_features_and_label(
    home: Path, tmp_path: Path
) -> None:
    report = document("training-set", "--out", str(tmp_path / "set.parquet"), "--home", str(home))
    table = pq.read_table(tmp_path / "set.parquet")
    assert table.num_rows == report["rows"]
    assert report["left_out"]["no earlier event"] > 0
    keys = ["id", "country", "branch_no"]
    assert table.column_names[:5] == [*keys, "event_timestamp", "tiebreaker"]
    assert table.column_names[-1] == "label"
    assert table["label"].null_count == 0


def test_the_train_lambda_writes_the_same_model_as_the_command(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [released] = (path.parent for path in (home / "releases").glob("credit_risk-*/manifest.json"))
    manifest = json.loads((released / "manifest.json").read_text())
    monkeypatch.setenv(names.ENV_HOME, str(home))
    made = train({"as_of": manifest["as_of"], "known_by": manifest["known_by"]}, None)
    embedded_postgres.stop(home / "postgres")
    written = Path(made["folder"])
    assert json.loads((written / "manifest.json").read_text()) == manifest
    assert written.name == released.name


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ingest", "nowhere/loans.csv"], 2, "nowhere/loans.csv: no such file"),
        (["ingest", "nowhere.csv"], 2, "nowhere.csv: no source is called"),
        (["predict", "1"], 2, "there is no customer with id 1"),
        (["predict", "abc"], 2, "id: must be an integer"),
        (["materialize", "--as-of", "yesterday"], 2, "--as-of 'yesterday': not a date"),
        (["materialize", "--as-of", "1999-01-01"], 2, "has no event before 1999-01-01"),
        (
            ["materialize", "--rollback"],
            2,
            "feature view branch_book or credit",
        ),
        (["train", "--model", "other"], 2, "no model 'other'; the project has credit_risk, l"),
        (["train", "--engine", "pandas"], 2, "engine 'pandas': unknown"),
        (["train", "--as-of", "2017-06-01"], 1, "are needed; train on more data"),
        (["training-set", "--out", "set.xls"], 2, "end the file's name in .csv"),
        (["materialize", "--project", "."], 2, "there is no definitions.py"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_bad_input_is_one_line_and_the_right_exit_code(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    where = [] if arguments == ["nonsense"] else ["--home", str(home)]
    assert commands.run([*arguments, *where], monkeypatch) == code
    embedded_postgres.stop(home / "postgres")
    said = capsys.readouterr()
    assert message in said.err
    assert said.out == ""


def test_what_is_refused_ends_its_process_with_that_code_and_nothing_else(home: Path) -> None:
    done = hindcast("predict", "1", "--home", str(home))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("hindcast: there is no customer with id 1")


def test_a_second_materialization_can_be_rolled_back(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(*words: str) -> Any:
        assert commands.run([*words, "--json", "--home", str(home)], monkeypatch) == 0
        return json.loads(capsys.readouterr().out)

    before = told("predict", "5008827")
    told("materialize", "--as-of", "2021-06-01")
    assert told("predict", "5008827")["features_as_of"] < "2021-06-02"
    told("materialize", "--rollback")
    assert told("predict", "5008827")["features"] == before["features"]
    embedded_postgres.stop(home / "postgres")
