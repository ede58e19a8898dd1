"""A model trained elsewhere: a script of the example logs it to MLflow, a batch scores by it."""

import json
import os
import subprocess
import sys
from typing import Any

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.demo.examples import Example
from hindcast.errors import HindcastError

TRAIN, BATCH = "train.py", "batch.yaml"
# What the example's batch has for the digest of a model that whoever trained it trusts.
DIGEST = "TRUSTED_DIGEST"


def train(application: Application, example: Example) -> dict[str, Any]:
    """Run the script where the example's files are; what it logged, with the digest of it."""
    return _run(application, [str(example.folder / TRAIN)])


def score(application: Application, example: Example, digest: str) -> dict[str, Any]:
    """Score the example's batch, the digest being trusted."""
    project = ["--project", str(example.folder)]
    command = ["-m", "hindcast", "batch", str(example.folder / BATCH), *project, "--json"]
    return _run(application, command, **{DIGEST: digest})


def _run(application: Application, command: list[str], **variables: str) -> dict[str, Any]:
    """Run Python in the home; the JSON that it wrote last."""
    home = application.settings.home
    environment = {**os.environ, names.ENV_HOME: str(home), **variables}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise HindcastError(f"{command[-1]} failed: {done.stderr.strip().splitlines()[-1]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
