"""The demo's service: `hindcast serve` in a process of its own, asked over HTTP."""

import http.client
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from hindcast.definitions import FeatureService, Model
from hindcast.errors import HindcastError


def ask(url: str, model: Model, question: Mapping[str, Any]) -> dict[str, Any]:
    """Ask a model a question; its answer, and the features that it is of."""
    if not model.service.views:
        answer = _post(f"{url}/models/{model.name}/score", {"features": question})
        return {"question": question, "answer": answer, "features": {}}
    answer = _post(f"{url}/models/{model.name}/predict", question)
    named = isinstance(model.features, FeatureService)
    where = f"services/{model.service.name}/features" if named else "features"
    features = _get(f"{url}/{where}?{urlencode(question)}")["features"]
    return {"question": question, "answer": answer, "features": features}


def traffic(url: str, keys: Iterable[int]) -> None:
    """Ask about each key over one connection, whatever the answers are."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    for key in keys:
        connection.request("POST", "/predict", json.dumps({"id": str(key)}))
        connection.getresponse().read()
    connection.close()


def score(url: str, model: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Have rows of feature values scored, as one request."""
    _post(f"{url}/models/{model}/score", {"instances": rows})


@contextmanager
def running(project: Path, home: Path, log: Path) -> Iterator[str]:
    """Gives the service's URL; its log lines are added to the file."""
    command = [sys.executable, "-m", "hindcast", "serve", "--port", "0"]
    command += ["--project", str(project), "--home", str(home)]
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


def _post(url: str, document: Mapping[str, Any]) -> dict[str, Any]:
    body = json.dumps(document).encode()
    return _get(urllib.request.Request(url, body, {"Content-Type": "application/json"}))


def _get(request: str | urllib.request.Request) -> dict[str, Any]:
    with urllib.request.urlopen(request) as response:
        answer: dict[str, Any] = json.load(response)
    return answer
