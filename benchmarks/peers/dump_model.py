"""Fit the classifier of a release again, by the same code and seed, and dump it with joblib.

How its probabilities are calibrated is written beside it as JSON.
"""

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import joblib

from hindcast import bootstrap
from hindcast.data import training_set
from hindcast.models.training.fit import encoded, encoder, fit
from hindcast.models.training.split import split


def main(home: Path, release: Path, path: Path) -> None:
    """Write the classifier of a release of a home, and its calibration."""
    manifest = json.loads((release / "manifest.json").read_bytes())
    application = bootstrap.application(home, None)
    clocks = bootstrap.knowledge(manifest["as_of"], manifest["known_by"], datetime.now(UTC))
    model = application.project.model()
    data = training_set.of(
        model, application.project, bootstrap.engine("duckdb"), application.lake, clocks
    )
    labels, groups, matrix = data.labels(), data.groups(), data.matrix()
    train = split(groups, data.micros(), labels).train
    numbers = encoded(encoder(len(data.numeric), matrix[train]), matrix[train])
    fitted = fit(model, numbers, labels[train], groups[train])
    joblib.dump(fitted.classifier, path)
    assert fitted.calibration is not None
    path.with_suffix(".json").write_text(json.dumps(asdict(fitted.calibration)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
