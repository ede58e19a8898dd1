"""How far labels are from estimates like these: what stands for labels that are not known yet."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.models.tasks.base import Possible

Reals = NDArray[np.float64]
PARTS = 10
# Of each part as many errors, as likely as each other.
SHARES = (np.arange(25) + 0.5) / 25


def by_estimate(labels: Reals, estimates: Reals) -> dict[str, Any]:
    """Where parts of the estimates end, and quantiles of the errors (label - estimate) in each."""
    inner = np.unique(np.quantile(estimates, np.linspace(0, 1, PARTS + 1)[1:-1]))
    part, errors = np.searchsorted(inner, estimates, side="right"), labels - estimates
    of_part = [errors[part == place] for place in range(len(inner) + 1)]
    # Equal estimates leave a part empty: what is known of all stands for it.
    quantiles = [np.quantile(each if len(each) else errors, SHARES) for each in of_part]
    return {"ends": inner.tolist(), "errors": [each.tolist() for each in quantiles]}


def possible(estimates: Reals, uncertainty: Mapping[str, Any]) -> Possible:
    """Each estimate off by every error of its part, all as likely."""
    errors = np.array(uncertainty["errors"])
    part = np.searchsorted(uncertainty["ends"], estimates, side="right")
    labels = (estimates + errors[part].T).ravel()
    return Possible(labels, np.tile(estimates, len(SHARES)), np.full(len(labels), 1 / len(SHARES)))
