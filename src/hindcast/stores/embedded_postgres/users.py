"""Who uses a server: a lock for each process, which the kernel gives back however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_handles: dict[Path, int] = {}


@contextmanager
def exclusive(data: Path) -> Iterator[None]:
    """Nobody else starts, stops or joins the server meanwhile."""
    with data.with_name(data.name + ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def join(data: Path) -> bool:
    """Count this process among the users until it ends, however it ends; whether it is new."""
    if data in _handles:
        return False
    handle = os.open(_path(data), os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(handle, fcntl.LOCK_SH)
    _handles[data] = handle
    return True


@contextmanager
def leaving(data: Path) -> Iterator[bool]:
    """Leave the users when the with ends; gives whether this process is the last of them."""
    handle = _handles.pop(data, None)
    if handle is None or not data.parent.exists():
        yield False
        return
    with exclusive(data):
        yield is_free(handle)
        os.close(handle)


def is_unused(data: Path) -> bool:
    """Whether no process uses the server; OSError where its home is gone, which stays so."""
    handle = os.open(_path(data), os.O_RDWR)
    try:
        return is_free(handle)
    finally:
        os.close(handle)


def is_free(handle: int) -> bool:
    """Whether no other process has the lock of an open file, which is this process's then."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _path(data: Path) -> Path:
    return data.with_name(data.name + ".users")
