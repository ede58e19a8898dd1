"""The proof of concept as a Lambda: SQLAlchemy, pandas, scikit-learn and a pickled model.

Kinder than the original: the connection and the model stay open, and the row goes to the model
as numpy instead of pandas.
"""

import json
import os
from typing import Any

import joblib
import numpy as np
import pandas as pd
import sqlalchemy

model = joblib.load(os.environ["MODEL"])
engine = sqlalchemy.create_engine(os.environ["DATABASE_URL"])
table = os.environ["TABLE"]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer API Gateway's event from a table of an id and the features in the model's order."""
    key = json.loads(event["body"])["id"]
    row = pd.read_sql(f"SELECT * FROM {table} WHERE id = '{key}'", engine)
    numbers = row.drop(columns="id").to_numpy(np.float32)
    probability = float(model.predict_proba(numbers)[0, 1])
    answer = {"id": key, "prediction": int(probability >= 0.5), "probability": probability}
    return {"statusCode": 200, "body": json.dumps(answer)}
