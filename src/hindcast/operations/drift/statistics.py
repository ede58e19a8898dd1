"""How far two histograms over the same bins lie apart; counts are [bins]."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats
from scipy.spatial import distance

Numbers = NDArray[np.float64]
Counts = NDArray[np.int64]

# Bins that less is expected in are counted as one by chi-square (Cochran, Biometrics 10, 1954).
LEAST_EXPECTED = 5


class Tested(NamedTuple):
    """A test's statistic, and how likely it would be that large without any drift."""

    value: float
    p_value: float


def psi(reference: Counts, current: Counts) -> float:
    """Population stability index: sum of (q - p) * ln(q / p).

    From N. Siddiqi, Credit Risk Scorecards (2006). An empty bin counts as half a row.
    """
    p, q = _shares(reference), _shares(current)
    return float(np.sum((q - p) * np.log(q / p)))


def jensen_shannon(reference: Counts, current: Counts) -> float:
    """Jensen-Shannon distance to base 2, from 0 to 1: J. Lin, IEEE Trans. Inf. Theory 37 (1991)."""
    return float(distance.jensenshannon(reference, current, base=2))


def kolmogorov_smirnov(reference: Counts, current: Counts) -> Tested:
    """Two samples of ordered bins: the largest difference of their cumulated shares.

    Asymptotic p-value: J. L. Hodges, Arkiv för Matematik 3 (1958). Within a bin the difference may
    be larger, so that binned data are called different too seldom, never too often.
    """
    rows, others = reference.sum(), current.sum()
    apart = np.cumsum(reference) / rows - np.cumsum(current) / others
    value = float(np.abs(apart).max())
    scale = np.sqrt(rows * others / (rows + others))
    return Tested(value, float(special.kolmogorov(value * scale)))


def chi_square(reference: Counts, current: Counts) -> Tested:
    """Pearson's test of homogeneity of two samples of categories, and its statistic."""
    table = _pooled(np.array([reference, current], dtype=np.float64))
    if table.shape[1] < 2:
        return Tested(0.0, 1.0)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    value = float(((table - expected) ** 2 / expected).sum())
    return Tested(value, float(special.chdtrc(table.shape[1] - 1, value)))


def more(reference: tuple[int, int], current: tuple[int, int]) -> float:
    """Fisher's exact test, one-sided: p-value of so many more of the current rows being of a kind.

    Each side: (rows of the kind, all rows). R. A. Fisher, Statistical Methods (1934).
    """
    (known, rows), (found, others) = reference, current
    return float(stats.hypergeom.sf(found - 1, rows + others, known + found, others))


def _shares(counts: Counts) -> Numbers:
    smoothed = np.maximum(counts, 0.5)
    shares: Numbers = smoothed / smoothed.sum()
    return shares


def _pooled(table: Numbers) -> Numbers:
    """With the bins that too little is expected in made one; without empty ones."""
    smaller = table.sum(axis=1).min()
    is_sparse = table.sum(axis=0) * smaller / table.sum() < LEAST_EXPECTED
    rest = table[:, is_sparse].sum(axis=1, keepdims=True)
    found = np.hstack([table[:, ~is_sparse], rest])
    return found[:, found.sum(axis=0) > 0]
