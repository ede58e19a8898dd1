"""Train a scikit-learn pipeline on features of Hindcast, and log it to the home's MLflow.

Usage: python examples/card_spending/train.py [FILE], where FILE is what generate.py wrote. It
writes to_score.csv, each card's features for the month to come, and tells as JSON what it logged.
"""

import csv
import json
import logging
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import pyarrow as pa
import pyarrow.csv
from mlflow.models import infer_signature
from sklearn import __version__ as sklearn_version
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from hindcast import bootstrap
from hindcast.bootstrap import Application
from hindcast.data.retrieve import historical
from hindcast.models.registry import logged_models
from hindcast.models.registry.registry import ModelRegistry, open_registry

NAME, SPENT = "card_spending", "spent"
# A card is asked about a day after a month was booked.
ASKED = timedelta(days=1)


def main(file: Path) -> dict[str, Any]:
    """Train on all months but the last, which the model is measured on."""
    application = bootstrap.application(project=Path(__file__).parent)
    known, to_come = _spine(file)
    rows, asked = _features(application, known), _features(application, to_come)
    pyarrow.csv.write_csv(asked, "to_score.csv")
    # Whole numbers as floats, which a month that is missing would make of them.
    frame = rows.to_pandas().astype({"months_known": float, "month": float})
    columns = [name for name in frame if name not in ("card", "as_of", SPENT)]
    is_last = frame["as_of"] == frame["as_of"].max()
    learned, held = frame[~is_last], frame[is_last]
    model = _pipeline().fit(learned[columns], learned[SPENT])
    errors = {
        "error": mean_absolute_error(held[SPENT], model.predict(held[columns])),
        "error_of_last_month": mean_absolute_error(held[SPENT], held["spent_last_month"]),
    }
    registry = open_registry(application.database_url, application.settings.releases)
    return {**_logged(model, learned[columns], errors, registry), **errors}


def _spine(file: Path) -> tuple[pa.Table, pa.Table]:
    """Each card and month with what was spent in it, and each card with the month to come."""
    with file.open(newline="", encoding="utf-8") as lines:
        booked = [(row["card"], row["booked_at"], _total(row)) for row in csv.DictReader(lines)]
    months = sorted({at for _, at, _ in booked})
    before = dict(zip(months[1:], months, strict=False))
    known = [(card, _asked(before[at]), spent) for card, at, spent in booked if at in before]
    to_come = [(card, _asked(months[-1])) for card in sorted({card for card, _, _ in booked})]
    return _table(known, "card", "as_of", SPENT), _table(to_come, "card", "as_of")


def _total(row: dict[str, str]) -> float:
    return sum(float(row[name]) for name in ("groceries", "dining", "travel", "online"))


def _asked(booked: str) -> datetime:
    return datetime.fromisoformat(booked).astimezone(UTC) + ASKED


def _table(rows: list[Any], *names: str) -> pa.Table:
    return pa.table(dict(zip(names, zip(*rows, strict=True), strict=True)))


def _features(application: Application, spine: pa.Table) -> pa.Table:
    """The rows of a spine with the features that were known at their instants."""
    view, engine = application.project.view("habits"), bootstrap.engine("duckdb")
    return historical(view, engine, application.lake, spine)


def _pipeline() -> Any:
    kinds = (OneHotEncoder(handle_unknown="ignore", sparse_output=False), ["kind"])
    columns = make_column_transformer(kinds, remainder="passthrough")
    return make_pipeline(columns, HistGradientBoostingRegressor(max_iter=80, random_state=0))


def _logged(
    model: Any, rows: Any, errors: dict[str, float], registry: ModelRegistry
) -> dict[str, Any]:
    """Log the model as a new version, the champion; its address and the digest of its folder."""
    registry.prepare()
    # It warns of pickles, which is why a batch wants to know the digest.
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    mlflow.set_tracking_uri(registry.uri)
    if mlflow.get_experiment_by_name(NAME) is None:
        mlflow.create_experiment(NAME, registry.artifacts)
    mlflow.set_experiment(NAME)
    with mlflow.start_run():
        mlflow.log_metrics(errors)
        logged = mlflow.sklearn.log_model(
            model,
            name=NAME,
            serialization_format="cloudpickle",
            signature=infer_signature(rows, model.predict(rows)),
            pip_requirements=[f"scikit-learn=={sklearn_version}"],
            registered_model_name=NAME,
        )
    client, version = mlflow.MlflowClient(), logged.registered_model_version
    client.set_registered_model_alias(NAME, "champion", str(version))
    uri = f"models:/{NAME}/{version}"
    with TemporaryDirectory() as folder:
        return {
            "model": uri,
            "digest": logged_models.digest(logged_models.fetch(uri, registry, Path(folder))),
        }


if __name__ == "__main__":
    logged = main(Path(sys.argv[1] if len(sys.argv) > 1 else "spending.csv"))
    sys.stdout.write(json.dumps(logged) + "\n")
