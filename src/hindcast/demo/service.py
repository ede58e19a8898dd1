"""The demo's service: `hindcast serve` in a process of its own, asked over HTTP."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hindcast.errors import HindcastError


def ask(home: Path, log: Path, keys: Sequence[int]) -> list[dict[str, Any]]:
    """Start the service, ask about each key, stop it; the answers with their features."""
    with _service(home, log) as url:
        return [
            {
                "answer": _post(f"{url}/predict", {"id": str(key)}),
                "features": _get(f"{url}/features/{key}")["features"],
            }
            for key in keys
        ]


@contextmanager
def _service(home: Path, log: Path) -> Iterator[str]:
    """Gives the service's URL; its log lines are added to the file."""
    command = [sys.executable, "-m", "hindcast", "serve", "--port", "0", "--home", str(home)]
    with log.open("a") as stream:
        process = subprocess.Popen(command, stdout=stream, stderr=subprocess.PIPE, text=True)
    try:
        line = process.stderr.readline() if process.stderr else ""
        if " on http" not in line:
            raise HindcastError(f"hindcast serve did not start: {line.strip()}")
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=30)


def _post(url: str, document: dict[str, Any]) -> dict[str, Any]:
    body = json.dumps(document).encode()
    return _get(urllib.request.Request(url, body, {"Content-Type": "application/json"}))


def _get(request: str | urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request) as response:
        answer: dict[str, Any] = json.load(response)
    return answer
