"""A signal that a library swallows, or says in its own words, ends the command all the same."""

import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from hindcast import cli, interruption
from hindcast.engines import duckdb

LONG = "SELECT count(*) FROM range(1000000000000)"


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """As a process of its own has them; others in this process may have put theirs there."""
    with interruption.handlers_kept():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        yield


def ended() -> int:
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert isinstance(raised.value.code, int)
    return raised.value.code


def test_a_query_that_is_interrupted_ends_the_command_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """DuckDB raises a RuntimeError of its own, and would wait for its other threads for ever."""
    kill = ["/bin/sh", "-c", f"sleep 0.2; kill -TERM {os.getpid()}"]

    def work(*_: object, **__: object) -> None:
        with subprocess.Popen(kill), duckdb.session() as connection:
            connection.execute(LONG)

    monkeypatch.setattr(cli, "app", work)
    assert ended() == 143
    assert capsys.readouterr().err == "hindcast: interrupted by SIGTERM\n"


@pytest.mark.parametrize(
    ("number", "code", "reason"),
    [
        (signal.SIGTERM, 143, "interrupted by SIGTERM"),
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGHUP, 129, "interrupted by SIGHUP"),
    ],
)
def test_each_signal_is_one_line_and_its_code_also_where_it_comes_twice(
    number: signal.Signals,
    code: int,
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`timeout` sends it to its command, and then to the command's group."""
    tidied = []

    def work(*_: object, **__: object) -> None:
        try:
            signal.raise_signal(number)
        finally:
            signal.raise_signal(number)
            tidied.append(True)

    monkeypatch.setattr(cli, "app", work)
    assert ended() == code
    assert capsys.readouterr().err == f"hindcast: {reason}\n"
    assert tidied


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/h/x"), "/h/x: No space left on device"),
        (type("PanicException", (BaseException,), {})("no Url"), "failed: no Url"),
    ],
)
def test_a_full_disk_and_a_panic_are_one_line(
    error: BaseException,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def work(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", work)
    assert ended() == 1
    told = capsys.readouterr().err
    assert told.startswith(f"hindcast: {said}")
    assert told.count("\n") == 1


def test_what_is_unforeseen_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> None:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(cli, "app", work)
    with pytest.raises(KeyError):
        cli.main()


def test_handlers_of_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruption.listening():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_handler_that_a_library_puts_there_goes_with_what_started_it() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruption.handlers_kept():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interruption_by_another_handler_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    monkeypatch.setattr(cli, "app", lambda *_, **__: signal.raise_signal(signal.SIGINT))
    assert ended() == 130
    assert capsys.readouterr().err == "hindcast: interrupted\n"


def test_a_signal_that_is_heard_where_python_lets_nothing_out_comes_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Closing:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGTERM)

    def work(*_: object, **__: object) -> None:
        Closing()
        time.sleep(30)

    monkeypatch.setattr(cli, "app", work)
    started = time.monotonic()
    assert ended() == 143
    assert time.monotonic() - started < 20
    assert capsys.readouterr().err == "hindcast: interrupted by SIGTERM\n"
