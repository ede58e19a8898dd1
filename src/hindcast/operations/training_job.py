"""Training that is too big for a Lambda: the train Lambda's image, run as a SageMaker job.

Arguments: --as_of and --known_by (ISO), if wanted --model NAME. The environment is the Lambda's.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from hindcast import bootstrap
from hindcast.errors import HindcastError, first_line
from hindcast.models.training import train

# SageMaker shows what is in this file as the job's FailureReason.
FAILURE = Path("/opt/ml/output/failure")


def main(argv: Sequence[str], failure: Path = FAILURE) -> None:
    """Train; a known error ends the job with its one line."""
    parser = argparse.ArgumentParser(prog="training_job")
    for name in ("as_of", "known_by"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--model")
    given = parser.parse_args(argv)
    try:
        clocks = bootstrap.knowledge(given.as_of, given.known_by, datetime.now(UTC))
        engine = bootstrap.engine("duckdb")
        report = train.train(bootstrap.application(), given.model, engine, clocks)
    except HindcastError as error:
        if failure.parent.is_dir():
            failure.write_text(first_line(error))
        raise SystemExit(f"training_job: {error}") from error
    sys.stdout.write(json.dumps(asdict(report)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
