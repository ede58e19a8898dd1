"""The command line in this process: every command with what it needs, and how it ended."""

import sys
from typing import Any

import pytest
import typer

from hindcast import cli

# Built once: the tests run some thousand commands.
COMMAND: Any = typer.main.get_command(cli.app)


def taking(parameter: str) -> list[list[str]]:
    """Each command that has a parameter, with something for all that it may need besides."""
    return [
        [name, *_needed(command.params)]
        for name, command in COMMAND.commands.items()
        if parameter in [each.name for each in command.params]
    ]


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int | str | None:
    """The exit code of a command as a person runs it."""
    monkeypatch.setattr(cli, "app", COMMAND)
    monkeypatch.setattr(sys, "argv", ["hindcast", *arguments])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    return raised.value.code


def _needed(parameters: list[Any]) -> list[str]:
    """A value for each argument and for each option that must be given."""
    arguments = ["1.csv" for each in parameters if each.param_type_name == "argument"]
    options = [each.opts[0] for each in parameters if each.required and each.opts[0][0] == "-"]
    return [*arguments, *(word for option in options for word in (option, "1.csv"))]
