"""The proof of concept's prediction: SQL pasted together, scikit-learn on one row.

Kinder than the original: the connection and the model stay open, and the row goes to the model
as numpy instead of pandas.
"""

import sys

import joblib
import numpy as np
import psycopg
from _answering import answer_lines


def main(url: str, table: str, path: str) -> None:
    """Answer from a table of an id and the features in the model's order."""
    model = joblib.load(path)
    connection = psycopg.connect(url, autocommit=True)

    def predict(key: int) -> float:
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM {table} WHERE id = '{key}'".encode())
        row = cursor.fetchone()
        assert row is not None
        return float(model.predict_proba(np.array([row[1:]], np.float32))[0, 1])

    answer_lines(predict)


if __name__ == "__main__":
    main(*sys.argv[1:])
