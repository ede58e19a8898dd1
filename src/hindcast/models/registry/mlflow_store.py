"""MLflow's SQL store in Postgres: where it lies, how it opens, and what its failures mean."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from hindcast.errors import (
    HindcastError,
    InputError,
    NotFoundError,
    StoreUnavailableError,
    first_line,
)
from hindcast.stores import database

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

SCHEMA = "mlflow"
# Another process may be creating the tables, or uploading a release of the same model.
LOCK_WAIT = "120s"
# Set unless the user says otherwise: no network, no log lines beside the error that is raised.
ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
# What MLflow says of an address that leads nowhere.
_UNKNOWN = {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}
# Whose exceptions are the store's or the artifacts', and not mistakes of this code.
_LIBRARIES = {"mlflow", "sqlalchemy", "alembic", "psycopg", "boto3", "botocore"}


def open_client(database_url: str, artifacts: str) -> "MlflowClient":
    """MLflow's client, its tables created where they are not there."""
    uri = sqlalchemy_url(database_url)
    # Before the import, which takes seconds: is there a database at all?
    with lock(database_url, "store") as connection:
        client_class, store_class = _imported()
        _make_schema(connection)
        # The client's own would give the default experiment a folder below this one.
        store_class(uri, artifacts)
        client = client_class(tracking_uri=uri, registry_uri=uri)
        client.search_registered_models(max_results=1)
    return client


def migrate(database_url: str) -> None:
    """Create MLflow's tables, or bring them from an older MLflow's revision to this one's.

    As `mlflow db upgrade` does it, which knows no database without tables.
    """
    with lock(database_url, "store") as connection:
        _imported()
        _make_schema(connection)
        utils: Any = import_module("mlflow.store.db.utils")
        engine = utils.create_sqlalchemy_engine_with_retry(sqlalchemy_url(database_url))
        try:
            if not utils._all_tables_exist(engine):
                utils._initialize_tables(engine)
            elif utils._get_schema_version(engine) != utils._get_latest_schema_revision():
                utils._upgrade_db(engine)
        finally:
            engine.dispose()


def download(client: "MlflowClient", uri: str, store: str, into: Path) -> Path:
    """Copy a model's folder to one below `into`; raises NotFoundError where there is none."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    try:
        place = _location(client, uri)
        found = download_artifacts(place, dst_path=str(into), tracking_uri=store)
    except MlflowException as error:
        if error.error_code not in _UNKNOWN:
            raise
        raise NotFoundError(f"{uri}: MLflow has no such model: {first_line(error)}") from error
    return Path(found)


def _location(client: "MlflowClient", uri: str) -> str:
    """Where the files of models:/ lie: MLflow would look such an address up in a global store."""
    name, _, version = uri.removeprefix("models:/").partition("/")
    if not uri.startswith("models:/"):
        return uri
    if "@" in name:
        found = client.get_model_version_by_alias(*name.split("@", 1))
        name, version = found.name, found.version
    if version:
        uri = client.get_model_version_download_uri(name, version)
    if not uri.startswith("models:/"):
        return uri
    return str(client.get_logged_model(uri.removeprefix("models:/")).artifact_location)


def _make_schema(connection: Any) -> None:
    # Asked first: IF NOT EXISTS needs the privilege also where the schema exists.
    found = connection.execute("SELECT to_regnamespace(%s)", [SCHEMA]).fetchone()
    if found == (None,):
        connection.execute(f"CREATE SCHEMA {SCHEMA}")


def _imported() -> "tuple[type[MlflowClient], type[SqlAlchemyStore]]":
    """Import MLflow, quietly."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if "AWS_REGION" in os.environ:  # Which MLflow's own client of S3 does not read.
        os.environ.setdefault("AWS_DEFAULT_REGION", os.environ["AWS_REGION"])
    with warnings.catch_warnings():
        # Its mappings use what SQLAlchemy 2.1 deprecates.
        warnings.simplefilter("ignore", DeprecationWarning)
        from mlflow import MlflowClient
        from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
    return MlflowClient, SqlAlchemyStore


@contextmanager
def lock(database_url: str, name: str) -> Iterator[Any]:
    """A connection that holds a lock of this name, which ends with it."""
    with database.connect(database_url, autocommit=True) as connection:
        connection.execute(f"SET lock_timeout = '{LOCK_WAIT}'")
        key = "hashtextextended('hindcast mlflow ' || %s, 0)"
        connection.execute(f"SELECT pg_advisory_lock({key})", [name])
        yield connection


@contextmanager
def one_error() -> Iterator[None]:
    """What MLflow, Postgres and the artifacts raise, as one error of one line."""
    try:
        yield
    except StoreUnavailableError as error:
        raise StoreUnavailableError(f"the MLflow store: {error}") from error
    except HindcastError:
        raise
    except Exception as error:
        library = type(error).__module__.partition(".")[0]
        if library not in _LIBRARIES and not isinstance(error, OSError):
            raise
        raise StoreUnavailableError(f"the MLflow store: {first_line(error)}") from error


def sqlalchemy_url(url: str) -> str:
    """A libpq URL as SQLAlchemy's, with MLflow's schema as the one that tables are found in.

    Where its user signs in by IAM it has a token, and opens connections for 15 minutes.
    """
    parts = urlsplit(database.signed(url))
    if parts.scheme not in ("postgresql", "postgres"):
        raise InputError("HINDCAST_DATABASE_URL: MLflow needs it as a URL, postgresql://...")
    # Not urllib's parse_qsl: to libpq a plus sign is a plus sign.
    pairs = (pair.partition("=") for pair in parts.query.split("&") if pair)
    query = {unquote(name): unquote(value) for name, _, value in pairs}
    query.setdefault("connect_timeout", str(database.CONNECT_TIMEOUT_SECONDS))
    query["options"] = f"{query.get('options', '')} -csearch_path={SCHEMA}".strip()
    written = urlencode(query, quote_via=quote, safe="")
    return f"postgresql+psycopg://{parts.netloc}{parts.path or '/'}?{written}"
