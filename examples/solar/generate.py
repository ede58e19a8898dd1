"""Write the hourly power of solar plants as a CSV file: the sun's height, clouds, and the panels.

Usage: python examples/solar/generate.py FILE [DAYS]

Light on clear days is Haurwitz's formula over the sun's height; clouds come and go by the hour and
last for days, as weather does; a plant gives no more than its size.
"""

import csv
import math
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2023, 1, 1, tzinfo=UTC)
# Plant -> latitude in degrees, and size in kW.
PLANTS = {"almeria": (36.8, 900.0), "freiburg": (48.0, 400.0), "malmo": (55.6, 250.0)}
FULL_LIGHT = 1000.0  # W/m2, at which a plant gives what it is sized for.
TILT = 23.45  # Of the Earth's axis, in degrees.
# How much of a cloud is left after an hour and a day, and how fast they change.
HOURLY, DAILY = 0.7, 0.8


def generate(path: Path, days: int = 365, seed: int = 0) -> None:
    """One row an hour and plant; the same seed gives the same bytes."""
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(["plant", "measured_at", "power_kw", "cloud_cover"])
        for plant, (latitude, size) in PLANTS.items():
            numbers = random.Random(f"{plant} {seed}")
            for hour, cloud in enumerate(_clouds(numbers, days)):
                at = START + timedelta(hours=hour)
                light = clear_sky(latitude, at) * (1 - 0.75 * cloud**3)
                power = size * min(1.0, light / FULL_LIGHT)
                writer.writerow([plant, at.isoformat(), f"{power:.3f}", f"{cloud:.3f}"])


def clear_sky(latitude: float, at: datetime) -> float:
    """Light on the ground in W/m2 where there are no clouds, at a longitude of 0."""
    day, hour = at.timetuple().tm_yday, at.hour + at.minute / 60
    declination = math.radians(TILT) * math.sin(2 * math.pi * (284 + day) / 365)
    turned = math.radians(15 * (hour - 12))
    north = math.radians(latitude)
    height = math.sin(north) * math.sin(declination) + (
        math.cos(north) * math.cos(declination) * math.cos(turned)
    )
    return 1098 * height * math.exp(-0.059 / height) if height > 0 else 0.0


def _clouds(numbers: random.Random, days: int) -> Iterator[float]:
    """The share of the sky that clouds cover, hour by hour."""
    weather = numbers.gauss(0, 1)
    passing = 0.0
    for _ in range(days):
        weather = DAILY * weather + numbers.gauss(0, math.sqrt(1 - DAILY**2))
        for _ in range(24):
            passing = HOURLY * passing + numbers.gauss(0, 0.4)
            yield 1 / (1 + math.exp(-2 * weather - passing))


if __name__ == "__main__":
    generate(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
