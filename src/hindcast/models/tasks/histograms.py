"""Reference histograms of a training part, for drift monitoring to compare with."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 10
CATEGORIES = 50


def numbers(values: NDArray[np.float64]) -> dict[str, Any]:
    """Quantile bin edges (ends included), counts per bin, and nulls."""
    present = values[~np.isnan(values)]
    nulls = int(np.isnan(values).sum())
    if not len(present):
        return {"kind": "numeric", "edges": [], "counts": [], "nulls": nulls}
    edges = np.unique(np.quantile(present, np.linspace(0, 1, BINS + 1)))
    if len(edges) == 1:
        return {
            "kind": "numeric",
            "edges": [float(edges[0])] * 2,
            "counts": [len(present)],
            "nulls": nulls,
        }
    counts, _ = np.histogram(present, edges)
    return {
        "kind": "numeric",
        "edges": [float(edge) for edge in edges],
        "counts": [int(count) for count in counts],
        "nulls": nulls,
    }


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
