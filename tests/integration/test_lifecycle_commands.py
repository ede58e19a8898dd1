"""The commands that judge, promote and look back: documents, tables and exit codes."""

import re

import pytest

from hindcast.bootstrap import Application
from hindcast.cli import console
from hindcast.demo.generate import FIRST_CUSTOMER
from hindcast.models import promote
from hindcast.serving.release import short
from hindcast.traffic.local_stage import LocalStage
from tests import loaded
from tests.integration import lifecycle
from tests.integration.lifecycle import GOOD, OTHER, WEAK, Shell, Stage

FORCE = "hindcast promote RELEASE --force --reason TEXT"
COMPUTING = {
    "alembic",
    "boto3",
    "deltalake",
    "duckdb",
    "jinja2",
    "matplotlib",
    "mlflow",
    "onnx",
    "pandas",
    "pyarrow",
    "pyspark",
    "scipy",
    "skl2onnx",
    "sklearn",
    "sqlglot",
}


@pytest.fixture
def application(stage: Stage, request: pytest.FixtureRequest) -> Application:
    """One model of the test's own."""
    return stage.application(lifecycle.model_name(request.node.name))


@pytest.fixture
def shell(
    application: Application, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    return Shell(monkeypatch, capsys, application.settings)


def test_evaluate_ends_with_1_for_a_release_that_fails(
    stage: Stage, application: Application, shell: Shell
) -> None:
    good, weak = stage.release(application), stage.release(application, WEAK)
    passed = shell.json("evaluate", good)
    assert (passed["release"], passed["version"], passed["passed"]) == (good, 1, True)
    assert passed["champion"] is None
    assert passed["left_out"]["not held out"] > passed["holdout_rows"] > 0
    assert passed["next"] == f"run: hindcast promote {good}"
    promote.promote(application, None, good)
    failed = shell.json("evaluate", code=1)
    assert (failed["release"], failed["champion"], failed["passed"]) == (weak, good, False)
    code, out, err = shell.run("evaluate", weak)
    assert code == 1
    for shown in ("ONNX parity", "training-serving skew", "failed", "passed", "not judged"):
        assert shown in out
    assert f"hindcast promote {weak} --force" in out
    assert err == ""
    code, out, err = shell.run("evaluate", "--as-of", "yesterday")
    assert (code, out) == (2, "")
    assert err == (
        "hindcast: --as-of 'yesterday': not a date or instant; "
        "write 2021-09-17 or 2021-09-17T12:00:00Z\n"
    )


def test_train_shows_why_a_first_release_is_refused_and_what_to_do(
    application: Application, shell: Shell
) -> None:
    definitions = application.project.folder / "definitions.py"
    unreachable = 'gate=Gate(minimum={"roc_auc": 0.999}, '
    definitions.write_text(definitions.read_text().replace("gate=Gate(", unreachable))
    code, out, err = shell.run("train", "--as-of", "2021-09-17")
    (record,) = application.ledger.releases(application.project.model().name)
    assert code == 1, err
    assert application.ledger.champion(record.model) is None
    shown = " ".join(out.split())
    assert re.search(r"roc_auc failed 0\.\d{4} at least 0\.999", shown), out
    assert re.search(r"better than chance passed roc_auc 0\.\d{4}, probabilities from", shown), out
    assert "as good as the simple baseline" in shown
    assert f"next mend what failed and train again, or promote it all the same: {FORCE}" in (
        shown.replace(record.release, "RELEASE")
    )


def test_promote_and_rollback(stage: Stage, application: Application, shell: Shell) -> None:
    first, other = (stage.release(application, kind) for kind in (GOOD, OTHER))
    code, out, err = shell.run("promote", other)
    assert (code, out) == (1, "")
    assert err == (
        f"hindcast: release {other} has not been evaluated; run: hindcast evaluate {other}\n"
    )
    assert shell.run("promote", other, "--force")[0] == 2
    assert shell.run("promote", "9")[0] == 2
    shell.json("evaluate", "1")
    made = shell.json("promote", "1")
    assert (made["release"], made["action"], made["forced"]) == (first, "promote", False)
    forced = shell.json("promote", other, "--force", "--reason", "a hunch")
    assert (forced["follows"], forced["reason"]) == (made["number"], "a hunch")
    back = shell.json("rollback")
    assert (back["release"], back["action"]) == (first, "rollback")
    code, _, err = shell.run("rollback")
    assert code == 2
    assert err.endswith("has no earlier champion to go back to\n")


def test_releases_lists_the_newest_first_with_their_state(
    stage: Stage, application: Application, shell: Shell
) -> None:
    assert shell.json("releases") == []
    first, other = stage.release(application), stage.release(application, OTHER)
    promote.promote(application, None, first, force=True, reason="first")
    found = shell.json("releases")
    assert [(each["version"], each["release"], each["state"]) for each in found] == [
        (2, other, "not evaluated"),
        (1, first, "champion"),
    ]
    code, out, _ = shell.run("releases")
    assert code == 0
    assert out.index(short(other)) < out.index(short(first))


def test_runs_lists_what_ran(stage: Stage, application: Application, shell: Shell) -> None:
    release = stage.release(application)
    shell.json("evaluate", release)
    shell.json("promote", release)
    newest, before = shell.json("runs", "--limit", "2")
    assert (newest["kind"], newest["status"]) == ("promote", "succeeded")
    assert newest["parameters"]["release"] == release
    assert before["kind"] == "evaluate"
    assert before["inputs"].keys() == {"raw/loans"}
    (only,) = shell.json("runs", "--kind", "evaluate", "--status", "succeeded", "--limit", "1")
    assert only == before
    code, out, _ = shell.run("runs", "--limit", "1")
    assert code == 0
    _, line = out.splitlines()
    assert line.split()[:3] == [newest["id"], "promote", "succeeded"]
    assert " ago " in line
    assert "model=" in line
    assert len(line) <= console.LINE_WIDTH
    whole = shell.json("runs", before["id"])
    assert whole == before
    code, _, err = shell.run("runs", "nothing")
    assert (code, err) == (
        2,
        "hindcast: the ledger has no run 'nothing'; `hindcast runs` lists them\n",
    )
    code, _, err = shell.run("runs", "--status", "fine")
    assert code == 2
    assert (
        err == "hindcast: no run is 'fine'; use one of succeeded, failed, interrupted, unfinished\n"
    )


def test_status_says_what_is_in_production(
    stage: Stage, application: Application, shell: Shell
) -> None:
    name = application.project.model().name
    assert shell.json("status")["models"] == {
        name: {
            "champion": None,
            "since": None,
            "challenger": None,
            "canary": None,
            "releases": 0,
        }
    }
    first, other = stage.release(application), stage.release(application, OTHER)
    made = promote.promote(application, None, first, force=True, reason="first")
    served = LocalStage(application.settings.home, name)
    served.point(first)
    served.shift(other, 25)
    assert shell.run("train", "--as-of", "1999-01-01")[0] == 1
    found = shell.json("status")
    assert found["models"][name] == {
        "champion": first,
        "since": made.promoted_at.isoformat(),
        "challenger": other,
        "canary": {"release": other, "percent": 25},
        "releases": 2,
    }
    assert found["features"].keys() == {"history"}
    assert "the training set is empty" in found["latest failures"][0]["error"]
    code, out, _ = shell.run("status")
    assert code == 0
    assert short(first) in out
    assert "the training set is empty" in out


def test_commands_that_do_little_start_without_what_computes_and_trains(
    stage: Stage, application: Application, shell: Shell
) -> None:
    promote.promote(application, None, stage.release(application), force=True, reason="to be asked")
    assert shell.run("materialize")[0] == 0
    little = (["runs"], ["status"], ["releases"], ["predict", str(FIRST_CUSTOMER)])
    typed = ([*words, *shell.places] for words in little)
    assert loaded.by(*typed, environment=shell.environment) & COMPUTING == set()
