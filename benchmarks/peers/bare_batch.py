"""Score a Parquet file with pandas and the pickled scikit-learn model, all of it in memory."""

import json
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

NEAREST = 1e-5


def main(source: Path, model: Path, target: Path, columns: list[str]) -> None:
    """Read the file, score every row, write keys, prediction and probability."""
    rows = pd.read_parquet(source)
    calibration = json.loads(model.with_suffix(".json").read_text())
    raw = joblib.load(model).predict_proba(rows[columns].astype("float64").to_numpy())[:, 1]
    kept = np.clip(raw, NEAREST, 1 - NEAREST)
    odds = np.log(kept) - np.log1p(-kept)
    answers = rows[["loan_id", "id"]].copy()
    answers["probability"] = 1 / (
        1 + np.exp(-(calibration["slope"] * odds + calibration["offset"]))
    )
    answers.to_parquet(target)


if __name__ == "__main__":
    source, model, target = map(Path, sys.argv[1:4])
    main(source, model, target, sys.argv[4:])
