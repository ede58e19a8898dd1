"""Which measurements are drift, and which drift is an alert: quiet unless it is sure and lasts."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from scipy import stats

from hindcast.definitions import Drift
from hindcast.operations.drift.findings import DriftFinding, Measurement, Period, Subject

# What moved in the window before: in how many windows in a row, and since when.
Streaks = Mapping[Subject, tuple[int, datetime]]


def judge(
    model: str, measured: Sequence[Measurement], drift: Drift, window: Period, before: Streaks
) -> list[DriftFinding]:
    """What moved, the largest first: by more than its limit, and not by chance."""
    found = []
    for each in moved(measured, drift.significance):
        windows, since = before.get(each.subject, (0, window.since))
        found.append(
            DriftFinding(
                model=model,
                kind=each.kind,
                name=each.name,
                slice=each.slice,
                population=each.population,
                statistic=each.statistic,
                value=each.value,
                p_value=each.p_value,
                reference_rows=each.reference_rows,
                current_rows=each.current_rows,
                note=each.note,
                alert=windows + 1 >= drift.windows,
                windows=windows + 1,
                since=since,
            )
        )
    return sorted(found, key=lambda each: (not each.alert, each.slice or "", -each.value))


def moved(measured: Sequence[Measurement], significance: float) -> list[Measurement]:
    """Those above their limit that chance does not explain, of however many there are.

    Benjamini and Hochberg, J. R. Stat. Soc. B 57 (1995): where nothing drifted, the share of
    checks in which anything at all is called drift is at most the significance.
    """
    limited = [each for each in measured if each.limit is not None]
    adjusted = _adjusted([each.p_value for each in limited])
    return [
        each
        for each, p_value in zip(limited, adjusted, strict=True)
        if each.limit is not None and each.value >= each.limit and p_value <= significance
    ]


def _adjusted(p_values: Sequence[float | None]) -> list[float]:
    """With those that need no test as 0, which count for nothing in the others."""
    tested = [each for each in p_values if each is not None]
    adjusted = iter(np.atleast_1d(stats.false_discovery_control(tested)) if tested else ())
    return [0.0 if each is None else float(next(adjusted)) for each in p_values]
