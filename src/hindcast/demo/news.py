"""The demo's subscriber: another system that one subscription, and no code, tells of events."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hindcast import project
from hindcast.bootstrap import Application
from hindcast.errors import HindcastError
from hindcast.operations.events import subscriptions
from hindcast.operations.events.relay import relay_of

NAME = "subscriber"
RECEIVED = "received.log"
# What comes of these is a person's or another system's business; runs end all the time.
SHOWN = ("Promoted", "RolledBack", "GateRefused", "DriftDetected", "PredictionsReady")


def subscribe(application: Application, stack: ExitStack) -> dict[str, str]:
    """Start examples/subscriber.py, which goes on until the stack ends, and subscribe it."""
    settings, outbox = application.settings, application.ledger.outbox
    process, url = stack.enter_context(_running(settings.home / RECEIVED))
    made = subscriptions.subscribe(settings, outbox, NAME, url, [], "demo")
    assert process.stdin is not None, "it was opened with a pipe"
    process.stdin.write(f"{made.secret}\n")
    process.stdin.flush()
    return {"subscription": made.name, "url": made.url, "types": "all"}


def deliver(application: Application) -> dict[str, Any]:
    """Hand over every event; what the subscriber received."""
    passed = relay_of(application).drain()
    lines = (application.settings.home / RECEIVED).read_text().splitlines()
    types = Counter(line.split()[0] for line in lines)
    return {
        "delivered": passed.delivered,
        "received": dict(types),
        "among them": [line.partition(" {")[0] for line in lines if line.startswith(SHOWN)],
    }


@contextmanager
def _running(log: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its URL; what it receives is written to the file."""
    command = [sys.executable, str(project.examples() / "subscriber.py"), "--port", "0"]
    pipe = subprocess.PIPE
    with (
        log.open("w") as stream,
        subprocess.Popen(command, stdin=pipe, stdout=stream, stderr=pipe, text=True) as process,
    ):
        try:
            line = process.stderr.readline() if process.stderr else ""
            if not line.startswith("listening on "):
                raise HindcastError(f"examples/subscriber.py did not start: {line.strip()}")
            yield process, line.split()[-1]
        finally:
            process.terminate()
