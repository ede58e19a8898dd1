"""Every command refuses a wrong definition alike: exit 2 and one line that names it."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from hindcast import cli, project
from tests.integration import wrong_definitions

COMMAND: Any = typer.main.get_command(cli.app)


@pytest.fixture(autouse=True)
def own_handler() -> Iterator[None]:
    """The handler of SIGTERM as it was: some commands set their own."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def commands() -> list[list[str]]:
    """Each command that takes a project, with something for all that it may need besides."""
    takers = {
        name: command.params
        for name, command in COMMAND.commands.items()
        if any(parameter.name == "project" for parameter in command.params)
    }
    return [[name, *needed(parameters)] for name, parameters in takers.items()]


def needed(parameters: list[Any]) -> list[str]:
    """A value for each argument and for each option that must be given."""
    arguments = ["1.csv" for each in parameters if each.param_type_name == "argument"]
    options = [each.opts[0] for each in parameters if each.required and each.opts[0][0] == "-"]
    return [*arguments, *(word for option in options for word in (option, "1.csv"))]


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    """The exit code of a command as a person runs it."""
    monkeypatch.setattr(sys, "argv", ["hindcast", *arguments])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    return raised.value.code


def test_200_wrong_definitions_are_refused_by_every_command_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Built once instead of for each of some thousand runs.
    monkeypatch.setattr(cli, "app", COMMAND)
    cases = list(wrong_definitions.changed())
    assert len(cases) >= 200
    where = ["--project", str(tmp_path), "--home", str(tmp_path / "home")]
    for begin, text in cases:
        (tmp_path / "definitions.py").write_text(text)
        for command in commands():
            assert run([*command, *where], monkeypatch) == 2, (command, begin)
            said = capsys.readouterr()
            assert said.out == ""
            assert said.err.startswith(f"hindcast: {begin}"), (command, begin)
            assert said.err.count("\n") == 1
    assert not (tmp_path / "home").exists()


def test_the_project_that_they_change_is_right(tmp_path: Path) -> None:
    (tmp_path / "definitions.py").write_text(wrong_definitions.RIGHT)
    assert list(project.load(tmp_path).models) == ["risk"]
