"""Plots of a binary release from its metrics.json."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, PercentFormatter

from hindcast.models.registry.plots.drawing import (
    INK,
    MODEL,
    OTHER,
    REFERENCE,
    Draw,
    Metrics,
    percent,
    unit_square,
)

BASELINE = "logistic_regression"
TITLES = {"model": "model", BASELINE: "logistic regression"}
# 95% of a normal distribution lies within this many deviations.
NORMAL = 1.959964


def drawings(metrics: Metrics) -> dict[str, Draw]:
    """What is drawn, by name; a plot that is not defined is left out."""
    drawn: dict[str, Draw] = {}
    if metrics["curves"]["model"]:
        drawn |= {"roc": _roc, "precision_recall": _precision_recall}
    return {
        **drawn,
        "calibration": _calibration,
        "score_distribution": _score_distribution,
        "confusion": _confusion,
    }


def _roc(axes: Axes, metrics: Metrics) -> None:
    axes.set_title("ROC")
    axes.plot([0, 1], [0, 1], **REFERENCE)
    for side, color, values in _sides(metrics):
        curve = metrics["curves"][side]["roc"]
        label = f"{TITLES[side]} {values['roc_auc']:.3f}"
        axes.plot(
            curve["false_positive_rate"], curve["true_positive_rate"], color=color, label=label
        )
    unit_square(axes, "false positive rate", "true positive rate")
    axes.legend(loc="lower right", title="area under the curve", title_fontsize=9)


def _precision_recall(axes: Axes, metrics: Metrics) -> None:
    axes.set_title("Precision and recall")
    highest = 0.0
    for side, color, values in _sides(metrics):
        curve = metrics["curves"][side]["precision_recall"]
        label = f"{TITLES[side]} {values['pr_auc']:.3g}"
        axes.plot(curve["recall"], curve["precision"], color=color, label=label)
        highest = max(highest, *curve["precision"])
    prevalence = metrics["holdout"]["prevalence"]
    axes.axhline(prevalence, label=f"prevalence {prevalence:.3g}", **REFERENCE)
    unit_square(axes, "recall", "precision")
    axes.set_ylim(0, min(1.02, highest * 1.05))
    axes.legend(loc="upper right", title="average precision", title_fontsize=9)


def _sides(metrics: Metrics) -> Iterator[tuple[str, str, Metrics]]:
    """The baseline first, so that the model lies on top."""
    yield BASELINE, OTHER, metrics["baseline"][BASELINE]
    yield "model", MODEL, metrics["holdout"]


def _calibration(axes: Axes, metrics: Metrics) -> None:
    """Tenths of the rows; the whiskers are Wilson's 95% interval of an observed share."""
    axes.set_title("Calibration")
    bins = metrics["holdout"]["calibration"]
    predicted = np.array([part["predicted"] for part in bins])
    observed = np.array([part["observed"] for part in bins])
    low, high = _wilson(observed, np.array([part["rows"] for part in bins]))
    top = float(max(predicted.max(), high.max()))
    axes.plot([0, 1], [0, 1], label="as predicted", **REFERENCE)
    axes.vlines(predicted, low, high, color=MODEL, alpha=0.5, linewidth=1.2)
    axes.plot(predicted, observed, "o", color=MODEL, markersize=5, label="a tenth of the rows")
    # Square roots spread the low probabilities of a rare event, and still have a zero.
    for scale, limits in ((axes.set_xscale, axes.set_xlim), (axes.set_yscale, axes.set_ylim)):
        scale("function", functions=(lambda x: np.sqrt(np.maximum(x, 0)), np.square))
        limits(0, top * 1.1)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(_root_ticks(top)))
        axis.set_major_formatter(FuncFormatter(percent))
    axes.set_xlabel("mean predicted probability")
    axes.set_ylabel("observed share of positives")
    axes.legend(loc="upper left")


def _wilson(share: Any, rows: Any) -> tuple[Any, Any]:
    """Wilson's score interval of a share (Wilson, 1927), 95%."""
    square = NORMAL**2
    middle = (share + square / (2 * rows)) / (1 + square / rows)
    spread = np.sqrt(share * (1 - share) / rows + square / (4 * rows**2))
    half = NORMAL * spread / (1 + square / rows)
    return np.maximum(middle - half, 0), middle + half


def _root_ticks(top: float) -> list[float]:
    """Zero, and round numbers that lie evenly on a scale of square roots."""
    unit = 10.0 ** np.floor(np.log10(top))
    ticks = [0, *(unit * part for part in (0.2, 1, 2, 5)), 10 * unit]
    return [float(tick) for tick in ticks if tick <= top * 1.1]


def _score_distribution(axes: Axes, metrics: Metrics) -> None:
    axes.set_title("Scores of each class")
    found = metrics["score_distribution"]
    # Every bin but the outermost is as wide in logits, so bins are drawn by their place.
    edges = np.arange(len(found["edges"]))
    highest = 0.0
    for name, color in (("negative", INK), ("positive", MODEL)):
        counts = np.array(found[name])
        share = counts / max(counts.sum(), 1)
        label = f"{name} ({counts.sum():,} rows)"
        axes.stairs(share, edges, color=color, fill=True, alpha=0.2)
        axes.stairs(share, edges, color=color, linewidth=1.4, alpha=0.8, label=label)
        highest = max(highest, float(share.max()))
    threshold = metrics["holdout"]["confusion"]["threshold"]
    place = float(np.interp(threshold, found["edges"], edges))
    label = f"threshold {percent(threshold)}"
    axes.axvline(place, label=label, **{**REFERENCE, "alpha": 0.7})
    _probability_axis(axes, found)
    axes.set_ylim(0, highest * 1.4)  # Room for the legend.
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylabel("share of the class")
    axes.legend(loc="upper left")


def _probability_axis(axes: Axes, found: Metrics) -> None:
    """Limits around the filled bins, ticks at round probabilities."""
    filled = np.flatnonzero(np.array(found["negative"]) + np.array(found["positive"]))
    low, high = int(filled[0]), int(filled[-1]) + 1
    round_ones = (0.0001, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)
    places = np.interp(round_ones, found["edges"], np.arange(len(found["edges"])))
    axes.set_xlim(max(low - 1, 0), min(high + 1, len(found["edges"]) - 1))
    axes.set_xticks(places, [percent(value) for value in round_ones])
    axes.set_xlim(max(low - 1, 0), min(high + 1, len(found["edges"]) - 1))
    axes.set_xlabel("predicted probability")


def _confusion(axes: Axes, metrics: Metrics) -> None:
    found = metrics["holdout"]["confusion"]
    axes.set_title(f"Answers at a threshold of {percent(found['threshold'])}")
    counts = np.array([[found["tn"], found["fp"]], [found["fn"], found["tp"]]])
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for (row, column), count in np.ndenumerate(counts):
        color = MODEL if row == column else OTHER
        axes.fill_between(
            [column - 0.48, column + 0.48],
            row - 0.48,
            row + 0.48,
            color=color,
            alpha=0.12 + 0.5 * float(share[row, column]),
            linewidth=0,
        )
        axes.text(column, row - 0.06, f"{count:,}", ha="center", va="center", fontsize=15)
        axes.text(column, row + 0.2, percent(float(share[row, column])), ha="center", va="center")
    axes.set_xlim(-0.5, 1.5)
    axes.set_ylim(1.5, -0.5)
    axes.set_xticks([0, 1], ["answered 0", "answered 1"])
    axes.set_yticks([0, 1], [f"is {label}\n{rows:,}" for label, rows in enumerate(counts.sum(1))])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
