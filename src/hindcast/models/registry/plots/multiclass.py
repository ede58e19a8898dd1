"""Plots of a multiclass release from its metrics.json."""

import numpy as np
from matplotlib.axes import Axes

from hindcast.models.registry.plots.drawing import (
    MODEL,
    OTHER,
    REFERENCE,
    Draw,
    Metrics,
    percent,
    unit_square,
)

# With more classes their shares are not written into the cells.
MOST_WRITTEN = 8
MOST_LINES = 8


def drawings(metrics: Metrics) -> dict[str, Draw]:
    """What is drawn, by name."""
    return {"calibration": _calibration, "confusion": _confusion}


def _calibration(axes: Axes, metrics: Metrics) -> None:
    """A line for each of the commonest classes."""
    axes.set_title("Calibration")
    axes.plot([0, 1], [0, 1], **REFERENCE)
    found = sorted(metrics["holdout"]["classes"].items(), key=lambda item: -item[1]["rows"])
    for place, (name, part) in enumerate(found[:MOST_LINES]):
        bins = part["calibration"]
        axes.plot(
            [each["predicted"] for each in bins],
            [each["observed"] for each in bins],
            "o-",
            color=f"C{place}",
            markersize=3,
            linewidth=1.2,
            label=name[:20],
        )
    unit_square(axes, "mean predicted probability", "observed share")
    axes.legend(loc="upper left")


def _confusion(axes: Axes, metrics: Metrics) -> None:
    found = metrics["holdout"]["confusion"]
    axes.set_title("Answers")
    classes, counts = found["classes"], np.array(found["counts"])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for (row, column), value in np.ndenumerate(share):
        color = MODEL if row == column else OTHER
        span = [column - 0.48, column + 0.48]
        alpha = 0.05 + 0.6 * float(value)
        axes.fill_between(span, row - 0.48, row + 0.48, color=color, alpha=alpha, linewidth=0)
        if len(classes) <= MOST_WRITTEN:
            axes.text(column, row, percent(float(value)), ha="center", va="center", fontsize=8)
    places, names = range(len(classes)), [name[:16] for name in classes]
    axes.set_xlim(-0.5, len(classes) - 0.5)
    axes.set_ylim(len(classes) - 0.5, -0.5)
    axes.set_xticks(places, names, rotation=45, ha="right")
    axes.set_yticks(places, [f"is {name}" for name in names])
    axes.set_xlabel("answered")
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
