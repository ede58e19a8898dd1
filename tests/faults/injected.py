"""One fault of a process: a signal at a call or a moment, a full disk, a database that goes."""

import os
import resource
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import hindcast

SOURCES = str(Path(hindcast.__file__).parent)


@dataclass(frozen=True)
class Fault:
    """What happens to a process.

    signal: sent by itself at its n-th call of a function of Hindcast's, or from outside after some
    seconds. largest: the bytes that a file may have, as on a disk that is full. cut: what ends the
    database's connections, after some seconds.
    """

    signal: int = 0
    call: int = 0
    after: float = 0.0
    largest: int | None = None
    cut: Callable[[], object] | None = None

    def __str__(self) -> str:
        """In a few words, for who reads a failure."""
        if self.largest is not None:
            return f"disk full at {self.largest} bytes a file"
        if self.cut is not None:
            return f"connections cut after {self.after * 1000:.0f} ms"
        if not self.signal:
            return "no fault"
        when = f"at call {self.call}" if self.call else f"after {self.after * 1000:.0f} ms"
        return f"{signal.Signals(self.signal).name} {when}"

    @property
    def is_none(self) -> bool:
        """Whether nothing happens."""
        return not self.signal and self.largest is None and self.cut is None

    def install(self) -> None:
        """In the process it happens to."""
        if self.largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.largest, self.largest))
        if self.call:
            _count(self.call, self.signal)

    def strike(self, pid: int) -> None:
        """From outside, once its moment has come."""
        if self.cut is not None:
            self.cut()
        else:
            os.kill(pid, self.signal)


NONE = Fault()


def _count(number: int, sent: int) -> None:
    """Send this process a signal as the n-th call begins, in whatever thread."""
    left = number

    def counted(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        if event == "call" and frame.f_code.co_filename.startswith(SOURCES):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), sent)

    threading.setprofile(counted)
    sys.setprofile(counted)
