"""Addresses of files in MLflow's store, which have where they were made in them."""

from pathlib import Path

from hindcast.models.registry.mlflow_store import SCHEMA
from hindcast.stores import database

# MLflow's columns that hold an address below an experiment's own; that of experiments comes last.
_PLACES = (
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("experiments", "artifact_location"),
)
_OLD = """
SELECT DISTINCT artifact_location FROM {schema}.experiments
WHERE artifact_location <> %s AND artifact_location LIKE '%%/mlflow'
"""
_MOVE = """
UPDATE {schema}.{table} SET {column} = %(new)s || substr({column}, length(%(old)s) + 1)
WHERE {column} = %(old)s OR starts_with({column}, %(old)s || '/')
"""


def move(database_url: str, releases: str) -> int:
    """Let all that is below another place's releases lead to these; how many addresses did not.

    releases: a folder or s3:// URI, with MLflow's files in `mlflow` below it. MLflow writes what
    belongs to an experiment where it was made, whatever it is told later.
    """
    new = f"{releases.rstrip('/')}/mlflow"
    new = new if "://" in new else Path(new).absolute().as_uri()
    moved = 0
    with database.connect(database_url) as connection:
        is_there = "SELECT to_regclass(%s) IS NOT NULL"
        if connection.execute(is_there, [f"{SCHEMA}.experiments"]).fetchone() == (False,):
            return 0
        for (old,) in connection.execute(_OLD.format(schema=SCHEMA).encode(), [new]).fetchall():
            for table, column in _PLACES:
                statement = _MOVE.format(schema=SCHEMA, table=table, column=column)
                given = {"new": new, "old": old}
                moved += connection.execute(statement.encode(), given).rowcount
    return moved
