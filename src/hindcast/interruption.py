"""Ctrl-C, SIGTERM and a closed terminal: each ends the work under way, and all of them alike."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# `timeout` tells its command, and then the command's group with the command in it.
_TWICE_SECONDS = 1.0
_AGAIN_SECONDS = 0.01
_received: list[tuple[signal.Signals, float]] = []
_told: list[Callable[[], None]] = []
_sent_again: list[threading.Timer] = []


def received() -> signal.Signals | None:
    """The signal that the work under way is ended by; None while there was none."""
    return _received[0][0] if _received else None


def exit_code() -> int:
    """What the process ends with; 0 while it was not told to end."""
    number = received()
    return 0 if number is None else 128 + number


def reason() -> str:
    """Why the work ends, in the words of the ledger and of the command line."""
    number = received()
    told = number is not None and number != signal.SIGINT
    return f"interrupted by {number.name}" if number and told else "interrupted"


@contextmanager
def listening() -> Iterator[None]:
    """Until the with ends, let those signals raise KeyboardInterrupt, and remember the first.

    What others do about a signal stays: nohup has SIGHUP ignored.
    """
    if not _hears_signals():
        yield
        return
    usual = (signal.SIG_DFL, signal.default_int_handler)
    hook = sys.unraisablehook
    with handlers_kept():
        for number in _ENDING:
            if signal.getsignal(number) in usual:
                signal.signal(number, _interrupt)
        sys.unraisablehook = partial(_not_raised, hook)
        try:
            yield
        finally:
            sys.unraisablehook = hook
            _received.clear()
            while _sent_again:
                _sent_again.pop().cancel()


@contextmanager
def handlers_kept() -> Iterator[None]:
    """Put back, when the with ends, what was done about those signals before."""
    if not _hears_signals():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # One that is not Python's cannot be put back by it.
                signal.signal(number, handler)


def _hears_signals() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def telling(work: Callable[[], None]) -> Iterator[None]:
    """Until the with ends, call this first when a signal comes: what ends a library's own work."""
    _told.append(work)
    try:
        yield
    finally:
        _told.remove(work)


def _interrupt(number: int, _: FrameType | None) -> None:
    now = time.monotonic()
    is_second = any(now - at < _TWICE_SECONDS for other, at in _received if other == number)
    _received.append((signal.Signals(number), now))
    for work in [] if is_second else _told:
        work()
    if not is_second:
        raise KeyboardInterrupt


def _not_raised(usual: Callable[[Any], object], what: "sys.UnraisableHookArgs") -> None:
    """Send a signal again that was heard where Python lets nothing out, as in a finalizer."""
    number = received()
    if number is None or not issubclass(what.exc_type, KeyboardInterrupt):
        usual(what)
        return
    _received.clear()
    _sent_again.append(threading.Timer(_AGAIN_SECONDS, os.kill, (os.getpid(), number)))
    _sent_again[-1].start()
