"""Write points along y = 3 + 2 x, with noise, as a CSV file.

Usage: python examples/line/generate.py FILE [POINTS]
"""

import csv
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2024, 1, 1, tzinfo=UTC)
INTERCEPT, SLOPE, NOISE = 3.0, 2.0, 0.5


def generate(path: Path, points: int = 500, seed: int = 0) -> None:
    """One point an hour; the same seed gives the same bytes."""
    numbers = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(["sample", "measured_at", "x", "y"])
        for sample in range(points):
            x = numbers.uniform(-10, 10)
            y = INTERCEPT + SLOPE * x + numbers.gauss(0, NOISE)
            measured = START + timedelta(hours=sample)
            writer.writerow([sample, measured.isoformat(), f"{x:.4f}", f"{y:.4f}"])


if __name__ == "__main__":
    generate(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
