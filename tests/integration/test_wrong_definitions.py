"""Every command refuses a wrong definition alike: exit 2 and one line that names it."""

from pathlib import Path

import pytest

from hindcast import project
from hindcast.errors import DefinitionError
from tests.integration import commands, wrong_definitions

# Of all commands, how many are given each wrong definition.
IN_TURN = 3
# What works by the names alone that a project declares, whatever its SQL.
NAMES_ONLY = (
    "job",
    "predict",
    "releases",
    "rotate-line-key",
    "runs",
    "serve",
    "status",
    "vacuum",
    "recover",
    "verify",
)


def test_200_wrong_definitions_are_refused_in_one_line_and_each_command_does_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each by three commands, which take turns: what refuses is one function behind all of them."""
    cases = list(wrong_definitions.changed())
    assert len(cases) >= 200
    where = ["--project", str(tmp_path), "--home", str(tmp_path / "home")]
    refused_by: set[str] = set()
    for number, (begin, text) in enumerate(cases):
        (tmp_path / "definitions.py").write_text(text)
        takers = commands_that_read(tmp_path)
        for place in range(IN_TURN):
            command = takers[(IN_TURN * number + place) % len(takers)]
            refused_by.add(command[0])
            assert commands.run([*command, *where], monkeypatch) == 2, (command, begin)
            said = capsys.readouterr()
            assert said.out == ""
            assert said.err.startswith(f"hindcast: {begin}"), (command, begin)
            assert said.err.count("\n") == 1
    assert refused_by == {command[0] for command in commands.taking("project")}
    assert not (tmp_path / "home").exists()


def commands_that_read(folder: Path) -> list[list[str]]:
    """Every command, or those that compile SQL where nothing else of the project is wrong."""
    takers = commands.taking("project")
    try:
        project.read(folder)
    except DefinitionError:
        return takers
    return [command for command in takers if command[0] not in NAMES_ONLY]


def test_the_project_that_they_change_is_right(tmp_path: Path) -> None:
    (tmp_path / "definitions.py").write_text(wrong_definitions.RIGHT)
    assert list(project.load(tmp_path).models) == ["risk"]
