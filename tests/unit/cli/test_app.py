"""The command line's root: what help says, how a wrong use ends, and what starting it loads."""

import subprocess
import sys
from pathlib import Path

import pytest

from hindcast import cli
from tests import loaded

# Typer with what it imports itself.
TYPER = {"typer", "annotated_doc", "shellingham"}


def refusal(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """What a command says that ends with bad usage."""
    monkeypatch.setattr(sys, "argv", ["hindcast", *arguments])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_a_command_ends_its_process_before_threads_meet_half_of_an_interpreter() -> None:
    """What is to be done at exit is done, and what is written is there."""
    code = (
        "import atexit, sys\nfrom hindcast import cli\n"
        "class Taken:\n    def __del__(self):\n        sys.stderr.write('taken down')\n"
        "sys.held, sys.argv = Taken(), ['hindcast', '--nonsense']\n"
        "atexit.register(print, 'done at exit')\ncli.script()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (2, "done at exit\n")
    assert "taken down" not in ended.stderr


def test_help_loads_typer_and_nothing_else() -> None:
    assert loaded.by(["--help"]) - TYPER == {"hindcast"}


def test_help_names_each_command_with_a_whole_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["hindcast"])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 0
    said = capsys.readouterr().out
    assert "  ingest                   Add files to the lake.\n" in said
    assert "..." not in said.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["serve", "--port", "99999"], "Invalid value for '--port': "),
        (["ui", "--port", "-1"], "Invalid value for '--port': "),
        (["ingest"], "Missing argument 'files'"),
        (["runs", "--nothing"], "No such option: --nothing"),
        (["nothing"], "No such command 'nothing'"),
    ],
)
def test_a_wrong_use_is_one_line(
    arguments: list[str],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = refusal(arguments, monkeypatch, capsys)
    assert said.startswith(f"hindcast: {reason}")
    assert said.endswith("; see --help\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (["materialize"], "--as-of"),
        (["materialize"], "--known-by"),
        (["training-set", "--out", "rows.csv"], "--as-of"),
        (["get-historical-features", "--spine", "s.csv", "--out", "f.csv"], "--known-by"),
        (["predict", "1"], "--as-of"),
        (["replay", "--sample", "1"], "--since"),
    ],
)
def test_an_empty_instant_is_refused_and_not_now(
    command: list[str],
    option: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = tmp_path / "home"
    said = refusal([*command, option, "", "--home", str(home)], monkeypatch, capsys)
    assert said.startswith(f"hindcast: {option} '': not a date or instant; write 2021-09-17")
    assert not home.exists()
