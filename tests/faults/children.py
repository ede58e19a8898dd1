"""Commands as forks of this process: started together, killed at a moment, waited for."""

import os
import selectors
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.injected import Fault

HANGS_AFTER = 120
CRASHED = 70


@dataclass
class Child:
    """A process that works on something, and what it has said so far."""

    name: str
    pid: int
    out: int
    err: int
    fault: Fault
    said: dict[int, bytes] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    code: int | None = None

    @property
    def output(self) -> str:
        """What it wrote to standard output."""
        return self.said[self.out].decode()

    @property
    def errors(self) -> str:
        """What it wrote to standard error."""
        return self.said[self.err].decode()

    @property
    def is_killed(self) -> bool:
        """Whether a signal ended it."""
        return self.code is not None and self.code < 0


def start(name: str, work: Callable[[], object], fault: Fault) -> Child:
    """Begin work in a fork of this process, under a fault."""
    sys.stdout.flush()
    sys.stderr.flush()
    (out, to_out), (err, to_err) = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(to_out, 1)
        os.dup2(to_err, 2)
        os.closerange(3, 4096)
        _work(work, fault)
    os.close(to_out)
    os.close(to_err)
    return Child(name, pid, out, err, fault, {out: b"", err: b""})


def wait(children: Sequence[Child], beside: Child | None = None, stop: Path | None = None) -> None:
    """Read what they say to the end, send the signals that are due, and collect their codes.

    beside: a child that goes on until there is a file to stop it, which is made after the others.
    """
    together = [*children, *([beside] if beside else [])]
    due = [(each.started + each.fault.after, each) for each in together if each.fault.after]
    with selectors.DefaultSelector() as selector:
        for child in together:
            for pipe in (child.out, child.err):
                selector.register(pipe, selectors.EVENT_READ, child)
        while selector.get_map():
            due = [(at, child) for at, child in due if not _is_sent(at, child)]
            if stop and all(key.data is beside for key in selector.get_map().values()):
                stop.touch()
            for key, _ in selector.select(0.005 if due else 0.5):
                _read(selector, key)
    for child in together:
        child.code = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])


def _read(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    content = os.read(key.fd, 65536)
    key.data.said[key.fd] += content
    if not content:
        selector.unregister(key.fd)
        os.close(key.fd)


def _is_sent(at: float, child: Child) -> bool:
    """Whether a signal was due and is sent; the process is there until it is waited for."""
    if time.monotonic() < at:
        return False
    child.fault.strike(child.pid)
    return True


def _work(work: Callable[[], object], fault: Fault) -> None:
    """In the child: do it, and end without taking Python down."""
    code = CRASHED
    try:
        code = _coded(work, fault)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        sys.stdout.flush()
        sys.stderr.flush()
    finally:  # Whatever happens, it never becomes a second parent.
        os._exit(code)


def _coded(work: Callable[[], object], fault: Fault) -> int:
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(HANGS_AFTER)
        fault.install()
        work()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - it is printed, and judged by who waits.
        traceback.print_exc()
        return CRASHED
    return 0
