"""Which code trained: Hindcast's version, the definitions' digest, the repository's revision."""

import hashlib
import subprocess
from importlib.metadata import version
from pathlib import Path


def code_revision(project: Path) -> str:
    """Such as "hindcast 0.1.0, definitions 1f0c0e21a5b7, git 9a2b6c11d0e4-dirty".

    Dirty is said of the project's own folder: what lies elsewhere in a repository trains nothing.
    """
    definitions = hashlib.sha256((project / "definitions.py").read_bytes()).hexdigest()[:12]
    parts = [f"hindcast {version('hindcast')}", f"definitions {definitions}"]
    commit = _git(project, "rev-parse", "--short=12", "HEAD")
    if commit:
        dirty = "-dirty" if _git(project, "status", "--porcelain", ".") else ""
        parts.append(f"git {commit}{dirty}")
    return ", ".join(parts)


def _git(folder: Path, *arguments: str) -> str:
    """What git says, or nothing where it is not installed or the folder is no checkout."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
