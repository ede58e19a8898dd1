"""Plots of a regression's release from its metrics.json."""

from matplotlib.axes import Axes

from hindcast.models.registry.plots.drawing import INK, MODEL, OTHER, REFERENCE, Draw, Metrics

BASELINE = "ridge"


def drawings(metrics: Metrics) -> dict[str, Draw]:
    """What is drawn, by name."""
    return {"calibration": _calibration, "errors": _errors}


def _calibration(axes: Axes, metrics: Metrics) -> None:
    axes.set_title("Estimates and labels")
    bins = metrics["holdout"]["calibration"]
    estimates = [part["predicted"] for part in bins]
    labels = [part["observed"] for part in bins]
    ends = [min(estimates + labels), max(estimates + labels)]
    axes.plot(ends, ends, label="as estimated", **REFERENCE)
    axes.plot(estimates, labels, "o", color=MODEL, markersize=5, label="a tenth of the rows")
    axes.set_xlabel("mean estimate")
    axes.set_ylabel("mean label")
    axes.legend(loc="upper left")


def _errors(axes: Axes, metrics: Metrics) -> None:
    """Quantiles of estimate minus label; without the outermost, which stretch the axis."""
    axes.set_title("Errors")
    found = metrics["errors"]
    shares = found["shares"][1:-1]
    for side, color, label in ((BASELINE, OTHER, BASELINE), ("model", MODEL, "model")):
        axes.plot(shares, found[side][1:-1], color=color, label=label)
    axes.axhline(0, color=INK, linewidth=0.8)
    for end in (-1, 1):
        axes.axhline(end * metrics["holdout"]["half_width"], **REFERENCE)
    axes.set_xlabel("share of the rows")
    axes.set_ylabel("estimate minus label")
    axes.legend(loc="upper left")
