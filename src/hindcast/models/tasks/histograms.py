"""Reference histograms of a training part, for drift monitoring to compare with."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10
CATEGORIES = 50


def of(values: NDArray[Any]) -> dict[str, Any]:
    """The histogram of numbers, or of texts."""
    return categories(values) if values.dtype == object else numbers(values)


def again(histogram: Mapping[str, Any], values: NDArray[Any]) -> dict[str, Any]:
    """Other values in the bins of a histogram that counted them too: counts, nulls, other."""
    if histogram["kind"] == "numeric":
        present, edges = values[~np.isnan(values)], histogram["edges"]
        counts = np.histogram(present, edges)[0].tolist() if edges else []
        return {"counts": counts, "nulls": len(values) - len(present)}
    found = Counter(values.tolist())
    kept = {name: found.pop(name, 0) for name in histogram["counts"]}
    return {"counts": kept, "other": found.total(), "nulls": int((values == "").sum())}


def numbers(values: NDArray[np.float64]) -> dict[str, Any]:
    """Bin edges (the first and the last value included), counts per bin, and nulls.

    Few values have a bin each, the last one between two equal edges; many are cut at quantiles.
    """
    present = values[~np.isnan(values)]
    nulls = int(np.isnan(values).sum())
    if not len(present):
        return {"kind": "numeric", "edges": [], "counts": [], "nulls": nulls}
    edges = _edges(present)
    counts, _ = np.histogram(present, edges)
    return {
        "kind": "numeric",
        "edges": [float(edge) for edge in edges],
        "counts": [int(count) for count in counts],
        "nulls": nulls,
    }


def _edges(present: NDArray[np.float64]) -> NDArray[np.float64]:
    found = np.unique(present)
    if len(found) <= BINS:
        return np.append(found, found[-1])
    return np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)))


def categories(values: NDArray[Any]) -> dict[str, Any]:
    """Rows per category, the commonest first; the rest counted together."""
    found, counts = np.unique(values.astype(str), return_counts=True)
    order = np.lexsort((found, -counts))
    kept = {str(found[i]): int(counts[i]) for i in order[:CATEGORIES]}
    return {
        "kind": "categorical",
        "counts": kept,
        "other": int(counts[order[CATEGORIES:]].sum()),
        "nulls": int((values == "").sum()),
    }
