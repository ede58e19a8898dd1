"""What the proof of concept's Lambda imports and loads before it can answer."""

import sys

import joblib
import pandas  # noqa: F401  # What importing costs is what is measured.
import sklearn  # noqa: F401  # As above.
import sqlalchemy  # noqa: F401  # As above.

if __name__ == "__main__":
    model = joblib.load(sys.argv[1])
    assert model.classes_.tolist() == [0, 1]
