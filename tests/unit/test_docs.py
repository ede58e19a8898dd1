"""docs/definitions.md says what the definitions are: it is generated, and whole."""

from pathlib import Path

from docs import generate_definitions
from docs.examples_of_definitions import CLASSES, EXPRESSIONS, WINDOWS
from hindcast import definitions, project
from hindcast.compiler.supported import SCALARS

# What users do not write by itself: kinds of arguments, and what selections and windows give.
NOT_WRITTEN = {
    "TASKS",
    "ColdStart",
    "FeatureSelection",
    "OnFail",
    "RequestSelection",
    "Task",
    "TaskRules",
    "Window",
}
FUNCTIONS = {"days", "hours", "latest", "minutes", "prior"}


def test_the_page_is_as_the_definitions_are() -> None:
    """Where it fails: make docs."""
    assert generate_definitions.PAGE.read_text() == generate_definitions.page()


def test_every_definition_has_an_example() -> None:
    assert set(definitions.__all__) == {*CLASSES, *FUNCTIONS, *NOT_WRITTEN}


def test_the_examples_together_are_a_project(tmp_path: Path) -> None:
    (tmp_path / "definitions.py").write_text("".join(CLASSES.values()))
    loaded = project.load(tmp_path)
    assert loaded.service("checkout").names == (
        "spent_last_30_days",
        "amount",
        "amount_to_spent",
    )


def test_every_scalar_is_listed() -> None:
    listed = {call.partition("(")[0] for call, _ in EXPRESSIONS}
    assert {node.key for node in SCALARS} <= listed


def test_every_window_has_an_example() -> None:
    shown = " ".join(text for text, _ in WINDOWS)
    for argument in ("days=", "hours=", "minutes=", "last=", "ending=", "latest()"):
        assert argument in shown
