"""A small classifier, in a folder as MLflow logs it."""

import os
import warnings
from pathlib import Path
from typing import Any

import pyarrow as pa


def table(x: list[float], kind: list[str | None]) -> pa.Table:
    """Rows that the classifier reads."""
    return pa.table({"x": x, "kind": kind})


ROWS = table([0.0, 1.0, 2.0, 3.0], ["a", "b", "a", None])


def classifier() -> Any:
    """A pipeline of scikit-learn over a number and a text."""
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    encoded = (OneHotEncoder(handle_unknown="ignore"), ["kind"])
    columns = make_column_transformer(encoded, remainder="passthrough")
    return make_pipeline(columns, LogisticRegression()).fit(ROWS.to_pandas(), [0, 1, 1, 0])


def save(model: Any, folder: Path) -> Path:
    """Write the model's folder, which says what columns it reads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # What MLflow says of its own type hints.
        import mlflow.sklearn
        from mlflow.models import infer_signature

        signature = infer_signature(ROWS.to_pandas())
        mlflow.sklearn.save_model(model, folder, signature=signature, pip_requirements=[])
    return folder


def save_function(folder: Path) -> Path:
    """Write the folder of a function that answers with a data frame of its own columns."""

    def predict(model_input: Any) -> Any:
        doubled = model_input["x"] * 2
        return doubled.to_frame("twice").assign(pid=os.getpid())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow.pyfunc
        from mlflow.models import infer_signature

        signature = infer_signature(ROWS.to_pandas())
        mlflow.pyfunc.save_model(
            folder, python_model=predict, signature=signature, pip_requirements=[]
        )
    return folder
