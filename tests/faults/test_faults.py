"""A few seeds of faults, the same ones each time; `make faults` runs more."""

import os
import subprocess
import sys

from tests.faults import bugs

SEEDS, STEPS = "1", 6
PLANTED = 10


def test_nothing_is_lost_under_faults(postgres_server: str) -> None:
    words = [SEEDS, "--steps", str(STEPS), "--verbose"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults", *words, "--server", postgres_server],
        cwd=bugs.ROOT,
        env={**os.environ, "PYTHONPATH": f"{bugs.ROOT / 'src'}{os.pathsep}{bugs.ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"again by: make faults SEEDS={SEEDS}\n{done.stdout}{done.stderr}"


def test_every_planted_bug_can_still_be_planted() -> None:
    patches = sorted(bugs.FOLDER.glob("*.patch"))
    assert len(patches) == PLANTED
    for patch in patches:
        subprocess.run(["git", "apply", "--check", patch], cwd=bugs.ROOT, check=True)
