"""The home folder is its owner's alone: what an entry point asks for before anything is written."""

import os
import stat
from contextlib import suppress
from pathlib import Path

# What makes a folder a home of ours alone: a name that nobody else gives, or the demo's mark.
DEFAULT, DEMONSTRATED = ".hindcast", ".hindcast-demo"
# What Hindcast keeps in a home; a home that is a folder of somebody's has other things beside it.
OURS = frozenset(
    (
        "cache",
        "events.jsonl",
        "jobs",
        "lake",
        "ledger-heads",
        "line-keys.json",
        "logs",
        "postgres",
        "postgres.lock",
        "postgres.users",
        "postgres.watcher",
        "releases",
        "stages",
        "subscriptions",
        "tokens.json",
    )
)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_privately() -> None:
    """Let whatever this process makes be its user's alone, without a look at what there is."""
    os.umask(_OTHERS)


def tighten(home: Path) -> None:
    """Close what is ours in a home that others may still read, and the home where all is ours.

    What belongs to another user, as the server's folder does, stays as that one has it.
    """
    # What is no folder, or another's, is for whoever opens it to say; what just went is closed.
    with suppress(FileNotFoundError, NotADirectoryError, PermissionError):
        kept = {path.name for path in home.iterdir()}
        for name in sorted(kept & OURS):
            _close(home / name)
        if home.name == DEFAULT or DEMONSTRATED in kept or (kept and kept <= OURS):
            _close_one(home)


def _close(path: Path) -> None:
    """Close a file, or a folder with all in it; one that is closed holds what nobody reaches."""
    if _close_one(path) and path.is_dir():
        for inner in path.rglob("*"):
            _close_one(inner)


def _close_one(path: Path) -> bool:
    """Whether others could reach it, who no longer can."""
    found = path.lstat()
    is_open = bool(found.st_mode & _OTHERS) and not stat.S_ISLNK(found.st_mode)
    if not is_open or found.st_uid != os.geteuid():
        return False
    path.chmod(stat.S_IMODE(found.st_mode) & ~_OTHERS)
    return True
