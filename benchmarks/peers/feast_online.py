"""Feast's get_online_features on the same Postgres, and scikit-learn on one row.

Runs on a Python that has feast; nothing of Hindcast is needed.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

os.environ["FEAST_USAGE"] = "False"

import feast
import joblib
import numpy as np
import pandas as pd
import psycopg
from _answering import answer_lines
from feast.types import Float64


def main(url: str, table: str, model_path: str, folder: str) -> None:
    """Write the table's rows to Feast's online store, then answer from it."""
    model = joblib.load(model_path)
    rows = _rows(url, table)
    names = [name for name in rows.columns if name not in ("id", "event_timestamp")]
    store = _store(url, Path(folder), rows, names)
    references = [f"customers:{name}" for name in names]

    def predict(key: int) -> float:
        found = store.get_online_features(references, [{"id": key}]).to_dict()
        row = np.array([[found[name][0] for name in names]], np.float32)
        return float(model.predict_proba(row)[0, 1])

    answer_lines(predict)


def _rows(url: str, table: str) -> pd.DataFrame:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(f"SELECT * FROM {table}".encode())
        names = [column.name for column in cursor.description or []]
        rows = pd.DataFrame(cursor.fetchall(), columns=names)
    features = [name for name in names if name != "id"]
    return rows.astype(dict.fromkeys(features, float)).assign(event_timestamp=datetime.now(UTC))


def _store(url: str, folder: Path, rows: pd.DataFrame, names: list[str]) -> feast.FeatureStore:
    folder.mkdir()
    file = folder / "rows.parquet"
    rows.to_parquet(file)
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    online = {
        "type": "postgres",
        "host": query["host"],
        "database": "postgres",
        "password": "",
        "user": query["user"],
        "sslmode": "disable",
    }
    store = feast.FeatureStore(
        config=feast.RepoConfig(
            project="benchmark",
            provider="local",
            registry=str(folder / "registry.db"),
            online_store=online,
            entity_key_serialization_version=3,
        )
    )
    customer = feast.Entity(name="customer", join_keys=["id"], value_type=feast.ValueType.INT64)
    view = feast.FeatureView(
        name="customers",
        entities=[customer],
        ttl=timedelta(days=3650),
        schema=[feast.Field(name=name, dtype=Float64) for name in names],
        source=feast.FileSource(path=str(file), timestamp_field="event_timestamp"),
    )
    store.apply([customer, view])
    store.write_to_online_store("customers", rows)
    return store


if __name__ == "__main__":
    main(*sys.argv[1:])
