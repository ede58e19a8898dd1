"""Bugs that are planted in a copy of the sources, each to be found by a few seeds."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "bugs"
SECONDS = 1800


def hunt(names: Sequence[str], seeds: range, steps: int, folder: Path, server: str) -> int:
    """Find the bugs of these names, or all; 1 where one was not found. Prints a line for each."""
    patches = [FOLDER / f"{name}.patch" for name in names] or sorted(FOLDER.glob("*.patch"))
    missed = 0
    for patch in patches:
        found = _found(patch, seeds, steps, folder, server)
        missed += found is None
        sys.stdout.write(f"{patch.stem}: {found or 'NOT FOUND'}\n")
        sys.stdout.flush()
    return 1 if missed else 0


def _found(patch: Path, seeds: range, steps: int, folder: Path, server: str) -> str | None:
    """By which seed and how, in a process that has the sources with the patch."""
    copy = folder / patch.stem
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(["git", "apply", patch], cwd=copy, check=True)
    places = os.pathsep.join([str(copy / "src"), str(ROOT)])
    wanted = [f"{seeds[0]}-{seeds[-1]}", "--first", "--steps", str(steps), "--server", server]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *wanted],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )
    shutil.rmtree(copy)
    broken = [line for line in done.stdout.splitlines() if "BROKEN: " in line]
    return broken[0][:200] if broken else None
