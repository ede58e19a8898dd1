"""The prediction log: what a line costs a request, and how fast logs are collected."""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import _measure
from _measure import Limit
from aws_lambda_powertools import Logger

from hindcast.serving import journal
from hindcast.serving.features import FeatureRow
from hindcast.serving.prediction_lines import PredictionLines
from hindcast.serving.predictor import Prediction
from hindcast.serving.scores.binary import BinaryScore
from hindcast.serving.values import Value

FEATURES = 20
RELEASE = "credit_risk-0123456789ab"
START = datetime(2026, 1, 1, tzinfo=UTC)
COLLECT = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from hindcast.stores.lake import Lake
from hindcast.audit.prediction_log import collect
print(collect([Path(sys.argv[1])], Lake(sys.argv[2]), datetime.now(UTC)), file=sys.stderr)
"""


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    options = _options()
    _measure.machine()
    with tempfile.TemporaryDirectory(prefix="hindcast-bench-") as folder:
        path, lake = Path(folder) / "serve.log", Path(folder) / "lake"
        micros = _write(path, options.lines)
        size = path.stat().st_size / options.lines
        command = [sys.executable, "-c", COLLECT, str(path), str(lake)]
        first, again = (_measure.child_usage(command, _environment()) for _ in range(2))
    print(f"{options.lines:,} lines of {FEATURES} features, {size:,.0f} bytes each\n")
    times = [_measure.percentile(micros, percent) for percent in (50, 95, 99)]
    _measure.table(("microseconds", "p50", "p95", "p99"), [("one line logged", *times)])
    print()
    _measure.table(
        ("collect", "seconds", "CPU seconds", "lines a CPU second", "peak MB"),
        [
            (name, used.wall_seconds, cpu, options.lines / cpu, used.peak_mb)
            for name, used in (("a new log", first), ("the same log again", again))
            for cpu in [used.cpu_seconds]
        ],
    )
    return _measure.verdict([Limit("one line logged, microseconds p50", times[0], 100)])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=200_000)
    return parser.parse_args()


def _environment() -> Mapping[str, str]:
    return {"PYTHONPATH": os.pathsep.join([str(_measure.ROOT / "src"), str(_measure.ROOT)])}


def _write(path: Path, count: int) -> list[float]:
    """Log so many predictions to a file; the microseconds of each, from its values to the file."""
    log = journal.logger("benchmark")
    with path.open("w") as file:
        cast("Any", log.registered_handler).setStream(file)
        return [_log(log, number) for number in range(count)]


def _log(log: Logger, number: int) -> float:
    values: dict[str, Value] = {f"feature_{n:02}": (number + 1) / (n + 3) for n in range(FEATURES)}
    instant = START + timedelta(milliseconds=number)
    score = BinaryScore(1, 1 / (number + 3))
    row = FeatureRow({"id": number}, {}, values, START, "run1")
    made = Prediction(row, score, RELEASE)
    started = time.perf_counter()
    lines = PredictionLines(lambda fields: journal.answered(log, fields), RELEASE)
    lines.instant = instant
    lines.predicted(made)
    return (time.perf_counter() - started) * 1_000_000


if __name__ == "__main__":
    sys.exit(main())
