"""Training as a state machine asks for it: by the train Lambda, or its image as a SageMaker job.

Arguments of the job are the fields of the Lambda's event, --as_of 2021-09-17 or --as_of=2021-09-17.
The environment is the Lambda's.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hindcast import bootstrap
from hindcast.data.training_range import TrainingRange
from hindcast.errors import HindcastError, first_line
from hindcast.models.training import train
from hindcast.models.training.train import TrainReport
from hindcast.operations import job_events

FIELDS = ("model", "as_of", "known_by", "for_all_rows", "from", "until", "run", "by", "now")
# SageMaker shows what is in this file as the job's FailureReason.
FAILURE = Path("/opt/ml/output/failure")


def train_for(event: Mapping[str, Any]) -> TrainReport:
    """Train as `hindcast train` does; raises InputError for instants that are none."""
    within = TrainingRange(*(job_events.given(event, name) for name in ("from", "until")))
    application, engine = job_events.application(event), bootstrap.engine("duckdb")
    return train.train(
        application, event.get("model"), engine, job_events.clocks(event), within=within
    )


def main(argv: Sequence[str], failure: Path = FAILURE) -> None:
    """Train; a known error ends the job with its one line."""
    parser = argparse.ArgumentParser(prog="training_job")
    for name in FIELDS:
        parser.add_argument(f"--{name}")
    given = {name: value for name, value in vars(parser.parse_args(argv)).items() if value}
    try:
        report = train_for(given)
    except HindcastError as error:
        if failure.parent.is_dir():
            failure.write_text(first_line(error))
        raise SystemExit(f"training_job: {error}") from error
    sys.stdout.write(json.dumps(asdict(report)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
