"""Names and texts: no option below the command line, no word of the example outside the demo."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path.relative_to(ROOT)
    for folder in ("src", "lambdas", "glue_jobs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".sql", ".jinja", ".md"}
)

# A name of the command line in a text, such as "use --engine duckdb".
OPTION = re.compile(r"(?<![\w-])--[a-z]")
# Where a text may hold one: the faces, and what each other file has it for.
FACES = ("src/hindcast/cli", "src/hindcast/demo")
OPTIONS_ALLOWED = {
    "src/hindcast/stores/embedded_postgres/programs.py": "arguments of useradd and of postgres",
    "src/hindcast/stores/embedded_postgres/server.py": "arguments of initdb",
    "src/hindcast/models/training/revision.py": "arguments of git",
    "src/hindcast/operations/events/people.py": "a whole command, for a person who reads it",
    "src/hindcast/operations/verification.py": "a whole command, for a person who mends the lake",
    "src/hindcast/stores/integrity/checks.py": "the same",
    "src/hindcast/stores/integrity/damages.py": "the same",
    "glue_jobs/refresh_features.py": "the job's own arguments",
    "glue_jobs/batch_predict.py": "the job's own arguments",
}

# Words that say nothing of what a class or module is.
EMPTY = re.compile(r"ask(ed|ing)|again|\bmet\b|away", re.IGNORECASE)

EXAMPLE = re.compile(r"customer|loan|credit", re.IGNORECASE)
EXAMPLE_ALLOWED = {
    "src/hindcast/cli/demonstration.py": "the demo's commands",
    "src/hindcast/project.py": "the folder of the default example project",
    "src/hindcast/operations/drift/statistics.py": "the title of a book",
}


def texts(path: Path) -> Iterator[str]:
    """Every text of a module that is no docstring."""
    tree = ast.parse((ROOT / path).read_text())
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield str(node.value)


def modules_with_options() -> set[str]:
    modules = [path for path in SOURCES if path.suffix == ".py"]
    below = [path for path in modules if not path.as_posix().startswith(FACES)]
    return {path.as_posix() for path in below if any(map(OPTION.search, texts(path)))}


def test_only_the_command_line_knows_an_options_name() -> None:
    """What a Lambda's caller is told names fields, such as as_of."""
    assert modules_with_options() == OPTIONS_ALLOWED.keys()


def test_nothing_outside_the_demo_speaks_of_the_example() -> None:
    outside = [path for path in SOURCES if not path.as_posix().startswith("src/hindcast/demo")]
    found = {path.as_posix() for path in outside if EXAMPLE.search((ROOT / path).read_text())}
    assert found == EXAMPLE_ALLOWED.keys()


@pytest.mark.parametrize("text", ["use --engine duckdb", "--as-of 'x'", "(--force)"])
def test_an_option_is_known_by_its_dashes(text: str) -> None:
    assert OPTION.search(text)


def classes() -> Iterator[str]:
    """The name of every class that has no underscore before it."""
    for path in SOURCES:
        if path.suffix == ".py":
            for node in ast.walk(ast.parse((ROOT / path).read_text())):
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    yield node.name


def test_no_two_classes_share_a_name() -> None:
    assert [name for name, times in Counter(classes()).items() if times > 1] == []


def test_classes_and_modules_are_called_by_what_they_are() -> None:
    modules = {path.stem for path in SOURCES if path.suffix == ".py"}
    assert {name for name in (*modules, *classes()) if EMPTY.search(name)} == set()
