"""One snapshot per stack. After a change that is meant: UPDATE_SNAPSHOTS=1 pytest tests/infra."""

import json
import os
import re
from pathlib import Path

import pytest

from infra.plan import changes
from tests.infra.deployments import SNAPSHOTS
from tests.infra.resources import Template

FOLDER = Path(__file__).parent / "snapshots"
ASSET = re.compile(r"[0-9a-f]{64}")


DEFINITION = re.compile(r'"DefinitionString": "(?:[^"\\]|\\.)*"')


def normal(template: Template) -> str:
    """The template as text, with one word for every asset's hash and for every definition.

    A state machine's definition has a file and tests of its own; here it would only repeat.
    """
    text = json.dumps(template, indent=1, sort_keys=True)
    return DEFINITION.sub('"DefinitionString": "FILE"', ASSET.sub("ASSET", text)) + "\n"


@pytest.mark.parametrize("stack", SNAPSHOTS)
def test_stack_is_as_it_was(stacks: dict[str, Template], stack: str) -> None:
    path = FOLDER / f"{stack}.json"
    now = normal(stacks[stack])
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(now)
    assert path.is_file(), f"{path.name}: no snapshot; run: UPDATE_SNAPSHOTS=1 pytest tests/infra"
    differences = list(changes(json.loads(path.read_text()), json.loads(now)))
    assert differences == [], "meant? run: UPDATE_SNAPSHOTS=1 pytest tests/infra"


def test_no_snapshot_is_left_over() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(SNAPSHOTS)
