"""infra knows the names that it shares with the run time, and nothing else of Hindcast."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_infra_imports_only_the_names_of_hindcast() -> None:
    for path in (ROOT / "infra").rglob("*.py"):
        ours = {name for name in imported(path) if name.split(".")[0] == "hindcast"}
        assert ours <= {"hindcast.names"}, path


def test_nothing_at_run_time_imports_infra_or_the_cdk() -> None:
    for folder in ("src", "lambdas", "glue_jobs"):
        for path in (ROOT / folder).rglob("*.py"):
            roots = {name.split(".")[0] for name in imported(path)}
            assert not roots & {"infra", "aws_cdk", "constructs", "cdk_nag"}, path


def test_mypy_reads_every_part_of_the_cdk_that_is_imported() -> None:
    """The other parts are skipped, as pyproject.toml says; one that is missing there is Any."""
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]["overrides"]
    [read] = [rule["module"] for rule in rules if rule.get("follow_imports") == "normal"]
    found = {name for path in (ROOT / "infra").rglob("*.py") for name in imported(path)}
    assert {name for name in found if name.startswith("aws_cdk.aws_")} == {
        name for name in read if name.startswith("aws_cdk.aws_")
    }
