"""The server of a data folder: made, started, joined, left and stopped."""

import atexit
import os
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import quote

from hindcast.errors import StoreUnavailableError
from hindcast.stores.embedded_postgres import process, programs, users, watcher

START_SECONDS = 60
INITDB = (
    "--auth=trust",
    "--encoding=UTF8",
    "--no-locale",
    "--username=postgres",
    "--set=timezone=UTC",
    "--set=log_timezone=UTC",
)
_threads = threading.Lock()


def server_url(data: Path) -> str:
    """URL of the server whose data folder is `data`, made and started if needed.

    Raises StoreUnavailableError saying what failed and where its log is.
    """
    data = data.absolute()
    try:
        with _threads:
            data.parent.mkdir(parents=True, exist_ok=True)
            with users.exclusive(data):
                if users.join(data):
                    atexit.register(_stop_at_exit, data, os.getpid())
                watcher.ensure(data)
                return _running_url(data) or _start(data)
    except (OSError, subprocess.SubprocessError) as error:
        raise StoreUnavailableError(
            f"cannot run the embedded Postgres in {data}: {_reason(error)}"
        ) from error


def stop(data: Path) -> None:
    """Leave the server of this data folder; stops it if no other process uses it."""
    data = data.absolute()
    with _threads, users.leaving(data) as is_last:
        if is_last:
            shut_down(data)


def shut_down(data: Path) -> None:
    """Stop a server that nobody uses, if it runs."""
    if not process.is_running(data):
        return
    folder = process.socket_folder(data)
    programs.run(data, "pg_ctl", "stop", "-m", "fast", "-w")
    if folder is not None and folder != data:
        shutil.rmtree(folder, ignore_errors=True)


def _stop_at_exit(data: Path, owner: int) -> None:
    # A forked child inherits the exit hook, but not the right to stop its parent's server.
    if os.getpid() == owner:
        stop(data)


def _start(data: Path) -> str:
    if not data.exists():
        _initialise(data)
    before = process.socket_folder(data)
    process.clear(data, START_SECONDS)
    folder = process.new_socket_folder(data, before)
    options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
    # pg_ctl has a shell start the server: no path that is not plain may be in its words.
    command = ["start", "-l", "server.log", "-w", "-t", str(START_SECONDS), "-o", options]
    programs.run(data, "pg_ctl", *command)
    url = _running_url(data)
    if url is None:
        raise OSError(f"it started but does not answer; see {data / 'server.log'}")
    return url


def _initialise(data: Path) -> None:
    """Make the data folder beside its place and rename it, so that a killed run leaves nothing."""
    for leftover in data.parent.glob(data.name + ".new-*"):
        shutil.rmtree(leftover)
    fresh = Path(tempfile.mkdtemp(prefix=data.name + ".new-", dir=data.parent))
    programs.give(fresh, fresh)
    programs.run(fresh, "initdb", *INITDB)
    fresh.rename(data)


def _running_url(data: Path) -> str | None:
    """The URL if a server of this data folder answers; waits while one is starting."""
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while (folder := process.socket_folder(data)) is not None and process.is_running(data):
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


def _reason(error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return f"no permission for {error.filename}; choose another home folder"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
