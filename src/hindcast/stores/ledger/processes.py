"""Which process does a run: told so that others may find out whether it still does."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_SPACE = Path("/proc/self/ns/pid")


@dataclass(frozen=True)
class Process:
    """A process by its number, and the place and time by which that number means this process.

    boot: of the kernel. space: of process numbers, as a container has its own. started: in the
    kernel's ticks since the boot. Each is None where the system does not say.
    """

    host: str
    boot: str | None
    space: str | None
    pid: int
    started: int | None

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Process":
        """What the ledger kept; other code may have kept more."""
        return cls(**{each.name: document[each.name] for each in fields(cls)})

    @property
    def document(self) -> dict[str, Any]:
        """As the ledger keeps it."""
        return asdict(self)

    @property
    def is_here(self) -> bool:
        """Whether this process can find out about that one."""
        return (self.host, self.boot, self.space) == _place()

    @property
    def is_running(self) -> bool:
        """Whether a process that is here still runs."""
        if self.started is not None:
            return _started(self.pid) == self.started
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # Somebody else's, but there.
        return True


def this_process() -> Process:
    """The process that asks."""
    pid = os.getpid()
    return Process(*_place(), pid, _started(pid))


@cache
def _place() -> tuple[str, str | None, str | None]:
    # Machines of Lambda's share names and, as copies of one, more; a log stream is one's own.
    host = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME") or socket.gethostname()
    boot = space = None
    with suppress(OSError):
        boot = _BOOT.read_text().strip()
        space = str(_SPACE.readlink())
    return host, boot, space


def _started(pid: int) -> int | None:
    """When a process started; None of one that is gone or only waits to be reaped."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name stands in brackets, and may have any character in it.
    state, *fields = text.rpartition(")")[2].split()
    return None if state in "ZX" else int(fields[18])
