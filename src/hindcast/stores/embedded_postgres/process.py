"""The server's process, which its pid file names: whether it runs, and where it answers."""

import os
import re
import tempfile
import time
from pathlib import Path

from hindcast.stores.embedded_postgres import programs

# Unix socket paths hold 107 bytes on Linux and 103 on macOS, "/.s.PGSQL.5432" included.
SOCKET_FOLDER_BYTES = 103 - len("/.s.PGSQL.5432")
PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
_PREFIX = "hindcast-"


def is_running(data: Path) -> bool:
    """Whether the process named in the pid file is this server, and not a later process."""
    import psutil

    lines = _pid_file(data)
    if not lines:
        return False
    try:
        process = psutil.Process(int(lines[0]))
        command, folder = process.cmdline(), process.cwd()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    # A server works in its data folder.
    return bool(command) and "postgres" in command[0] and folder == str(data.resolve())


def socket_folder(data: Path) -> Path | None:
    """Where the server answers, or one that was killed did."""
    lines = _pid_file(data)
    # A path that is not absolute is one in the folder that the server works in.
    return data / lines[4] if len(lines) > 4 and lines[4] else None


def clear(data: Path, seconds: float) -> None:
    """Clear what a killed server left, once the last of its processes has gone.

    Postgres itself refuses to start when the old number now belongs to any other process.
    """
    if not _pid_file(data) or is_running(data):
        return
    deadline = time.monotonic() + seconds
    while _has_processes(data):
        if time.monotonic() > deadline:
            raise OSError("processes of a killed server still run in it")
        time.sleep(0.05)
    folder = socket_folder(data)
    if folder is not None:
        (folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    (data / "postmaster.pid").unlink()


def new_socket_folder(data: Path, before: Path | None) -> Path:
    """The folder it works in, or a short private one where no client could name that one.

    Its path is too long for a socket or not plain: clients take a list of folders, with commas.
    before: that of a server that was killed, where those who used it look for the next one.
    """
    if len(os.fsencode(data)) <= SOCKET_FOLDER_BYTES and PLAIN.fullmatch(str(data)):
        return Path()
    if before is not None and before.name.startswith(_PREFIX) and before.is_dir():
        return before
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir="/tmp"))
    programs.give(folder, data)
    return folder


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _has_processes(data: Path) -> bool:
    """Whether a process works in the data folder, as every process of a server does."""
    import psutil

    folder = str(data.resolve())
    return any(process.info["cwd"] == folder for process in psutil.process_iter(["cwd"]))
