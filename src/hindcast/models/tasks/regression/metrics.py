"""What estimates of a number are worth; a metric that is not defined is null."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.models.tasks.binary.metrics import calibration

Reals = NDArray[np.float64]


def evaluate(labels: Reals, estimates: Reals, half_width: float, coverage: float) -> dict[str, Any]:
    """All metrics, in the label's unit; the interval is estimate -/+ half_width.

    coverage: what the interval was made for; the metric of that name is the share that it holds.
    """
    errors = labels - estimates
    squares, spread = (errors**2).mean(), ((labels - labels.mean()) ** 2).mean()
    return {
        "rows": len(labels),
        "mean_label": float(labels.mean()),
        "mean_estimate": float(estimates.mean()),
        "estimate_range": [float(estimates.min()), float(estimates.max())],
        "mae": float(np.abs(errors).mean()),
        "rmse": float(np.sqrt(squares)),
        "r2": float(1 - squares / spread) if spread else None,
        "pinball": float(pinball(errors, half_width, coverage).mean()),
        "bias": float(-errors.mean()),
        "coverage": float((np.abs(errors) <= half_width).mean()),
        "declared_coverage": coverage,
        "half_width": half_width,
        "calibration": calibration(labels, estimates),
    }


def pinball(errors: Reals, half_width: float, coverage: float) -> Reals:
    """The pinball loss of both ends of the interval, their mean, of each row.

    The ends are the quantiles (1 - coverage) / 2 and (1 + coverage) / 2 of the label.
    """
    low, high = (1 - coverage) / 2, (1 + coverage) / 2
    return (_loss(errors + half_width, low) + _loss(errors - half_width, high)) / 2


def _loss(above: Reals, quantile: float) -> Reals:
    """above: the label minus what was said to be its quantile."""
    return np.maximum(quantile * above, (quantile - 1) * above)


def half_width(residuals: Reals, coverage: float) -> float | None:
    """The absolute residual that a share of new ones stays within (Lei, 2018).

    None where there are too few for that share.
    """
    rank = int(np.ceil((len(residuals) + 1) * coverage))
    if rank > len(residuals):
        return None
    return float(np.sort(np.abs(residuals))[rank - 1])
