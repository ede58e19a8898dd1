"""Write what cards spend a month as a CSV file: habits, holidays, and what nobody can foresee.

Usage: python examples/card_spending/generate.py FILE [CARDS]
"""

import csv
import math
import random
import sys
from datetime import UTC, datetime
from pathlib import Path

# The months that are booked; the first booking is that of the January.
YEARS = (2023, 2024)
KINDS = {"student": 400.0, "standard": 900.0, "gold": 2_500.0}  # What they spend on average.
SHARES = {"groceries": 0.4, "dining": 0.2, "travel": 0.15, "online": 0.25}
# By month, how much more or less goes into travel and into shops online.
HOLIDAYS = {4: 1.5, 7: 2.5, 8: 2.5, 12: 1.4}
PRESENTS = {11: 1.3, 12: 1.8, 1: 0.7}


def generate(path: Path, cards: int = 300, seed: int = 0) -> None:
    """One row a card and month; the same seed gives the same bytes."""
    numbers = random.Random(seed)
    with path.open("w", newline="", encoding="utf-8") as lines:
        writer = csv.writer(lines)
        writer.writerow(["card", "booked_at", "kind", *SHARES])
        for number in range(1, cards + 1):
            kind = numbers.choice(list(KINDS))
            level = KINDS[kind] * math.exp(numbers.gauss(0, 0.4))
            for booked, month in _months():
                level *= math.exp(numbers.gauss(0.004, 0.05))
                spent = [f"{_spent(numbers, level, what, month):.2f}" for what in SHARES]
                writer.writerow([f"C{number:04}", booked.isoformat(), kind, *spent])


def _months() -> list[tuple[datetime, int]]:
    """When each month is booked, and which one it is."""
    months = [(year, month) for year in YEARS for month in range(1, 13)]
    return [
        (datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC), month)
        for year, month in months
    ]


def _spent(numbers: random.Random, level: float, what: str, month: int) -> float:
    season = {"travel": HOLIDAYS, "online": PRESENTS}.get(what, {}).get(month, 1.0)
    return level * SHARES[what] * season * math.exp(numbers.gauss(0, 0.15))


if __name__ == "__main__":
    generate(Path(sys.argv[1]), *map(int, sys.argv[2:3]))
