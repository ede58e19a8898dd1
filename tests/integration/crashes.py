"""Runs the command line in a process of its own that ends or kills itself at a chosen call."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("HINDCAST_")},
    "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
}
# Wraps one function; its n-th call is preceded or followed by a signal to the process.
_CODE = """
import importlib, os, signal, sys
from hindcast import cli
from hindcast.data import ingest
from hindcast.audit.prediction_log import collector

sent, moment, place, number = sys.argv.pop(1).split()
module, _, path = place.partition(":")
*owners, name = path.split(".")
owner = importlib.import_module(module)
for part in owners:
    owner = getattr(owner, part)
original, calls = getattr(owner, name), []

def killer(*arguments, **options):
    calls.append(1)
    if len(calls) == int(number) and moment == "before":
        os.kill(os.getpid(), int(sent))
    answer = original(*arguments, **options)
    if len(calls) == int(number):
        os.kill(os.getpid(), int(sent))
    return answer

setattr(owner, name, killer)
if "train" in sys.argv:
    from tests import rough
    rough.measure_roughly(setattr)
ingest.BATCH_ROWS = collector.BATCH_LINES = 100
cli.script()
"""


def run_until_killed(crash: str, *arguments: str, **environment: str) -> None:
    """Run `hindcast` until the crash, such as "before hindcast.stores.lake:write_deltalake 1"."""
    done = run(signal.SIGKILL, crash, *arguments, **environment)
    assert done.returncode == -signal.SIGKILL, done.stderr


def run(
    number: signal.Signals, crash: str, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `hindcast`, which gets this signal at the crash; how it ended."""
    return subprocess.run(
        [sys.executable, "-c", _CODE, f"{int(number)} {crash}", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT | environment,
    )
