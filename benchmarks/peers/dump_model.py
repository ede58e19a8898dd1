"""Fit the classifier of a release again, by the same code and seed, and dump it with joblib."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import joblib

from hindcast import bootstrap, trainingset
from hindcast.training.fit import encoded, encoder, fit
from hindcast.training.split import split


def main(home: Path, release: Path, path: Path) -> None:
    """Write the classifier of the newest release of a home."""
    manifest = json.loads((release / "manifest.json").read_bytes())
    application = bootstrap.application(home, None)
    clocks = bootstrap.knowledge(manifest["as_of"], manifest["known_by"], datetime.now(UTC))
    data = trainingset.of(application, None, "duckdb", clocks)
    labels, groups, matrix = data.labels(), data.groups(), data.matrix()
    train = split(groups, data.micros(), labels).train
    numbers = encoded(encoder(len(data.numeric), matrix[train]), matrix[train])
    model = application.project.model(None)
    joblib.dump(fit(model, numbers, labels[train], groups[train]).classifier, path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
