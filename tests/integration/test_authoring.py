"""A new project from each template: its own test passes, and its definitions are listed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration import commands

Output = pytest.CaptureFixture[str]


def test_a_new_projects_own_test_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for template in ("blank", "card_spending", "credit_risk", "flights", "line", "solar"):
        words = ["init", str(tmp_path / template), "--template", template]
        assert commands.run(words, monkeypatch) == 0
    # From elsewhere than this checkout, whose settings are no new project's.
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "7 passed" in ended.stdout, ended.stdout


def test_init_overwrites_nothing_and_says_what_to_do_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    assert commands.run(["init", str(tmp_path)], monkeypatch) == 0
    assert f"  hindcast validate --project {tmp_path}\n" in capsys.readouterr().out
    assert commands.run(["init", str(tmp_path)], monkeypatch) == 2
    assert capsys.readouterr().err == (
        f"hindcast: {tmp_path}/definitions.py: the file exists already; name another folder\n"
    )
    assert commands.run(["init", "--template", "none"], monkeypatch) == 2
    assert "no template 'none'; use one of blank, card_spending" in capsys.readouterr().err


def test_validate_lists_what_a_project_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    commands.run(["init", str(tmp_path)], monkeypatch)
    capsys.readouterr()
    assert commands.run(["validate", "--project", str(tmp_path), "--json"], monkeypatch) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["entities"] == [{"entity": "shopper", "key": "shopper_id"}]
    assert [(each["feature"], each["type"], each["kind"]) for each in found["features"]] == [
        ("nb_purchases", "bigint", "prior()"),
        ("spent_last_30_days", "decimal(38,2)", "prior(days=30)"),
        ("last_shop", "string", "latest()"),
        ("days_since_purchase", "bigint", "request"),
    ]
    assert (found["feature services"], found["models"]) == ([], [])
    assert commands.run(["validate", "--project", str(tmp_path)], monkeypatch) == 0
    shown = capsys.readouterr().out.splitlines()
    assert "feature views" not in shown
    assert max(map(len, shown)) <= 100
