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
from hindcast.models.tasks.binary.calibration import Calibration
from hindcast.models.training import split
from hindcast.models.training.fit import fit
from hindcast.models.training.train import target


def main(home: Path, release: Path, path: Path) -> None:
    """Write the classifier of a release of a home, and its calibration."""
    manifest = json.loads((release / "manifest.json").read_bytes())
    application = bootstrap.application(home, None)
    clocks = bootstrap.knowledge(manifest["as_of"], manifest["known_by"], datetime.now(UTC))
    model = application.project.model()
    data = training_set.of(
        model, application.project, bootstrap.engine("duckdb"), application.lake, clocks
    )
    task, labels = target(model, data)
    parts = split.of(data, model.split)
    fitted = fit(model, task, data, data.matrix(), labels, parts)[0].fitted
    # The peer gives it rows without names, and must not pay for a warning each time.
    for _, part in fitted.estimator.steps:
        vars(part).pop("feature_names_in_", None)
    joblib.dump(fitted.estimator, path)
    assert isinstance(fitted.adjustment, Calibration)
    path.with_suffix(".json").write_text(json.dumps(asdict(fitted.adjustment)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]))
