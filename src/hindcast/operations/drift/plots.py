"""Drawings of drift: a column then and now, and how far it was from then in each check."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

import numpy as np
from matplotlib.axes import Axes

from hindcast.models.registry.plots.drawing import (
    MODEL,
    OTHER,
    REFERENCE,
    Draw,
    Metrics,
    percent,
    svgs,
)
from hindcast.operations.drift.findings import Histogram

WIDTH = 0.4
# Longer labels of bins are cut.
TEXT = 22

Trend = Sequence[tuple[datetime, float]]


def histograms(each: Sequence[Histogram]) -> list[bytes]:
    """An SVG of each: the share of rows in each bin, of the release and of the window."""
    drawn: Mapping[str, Draw] = {
        f"histogram_{place}": partial(_bars, one) for place, one in enumerate(each)
    }
    return list(svgs(drawn, {}).values())


def trend(of: Mapping[str, Trend], limit: float) -> bytes:
    """An SVG of stability indices by the ends of the windows: name -> what each check found."""
    return svgs({"trend": partial(_lines, of, limit)}, {})["trend"]


def _bars(histogram: Histogram, axes: Axes, _: Metrics) -> None:
    axes.set_title(_title(histogram))
    places = np.arange(len(histogram.labels))
    sides = ((histogram.known, OTHER, "trained on"), (histogram.current, MODEL, "window"))
    for side, (counts, color, label) in enumerate(sides):
        shares = np.array(counts) / max(sum(counts), 1)
        at = places + (side - 0.5) * WIDTH
        axes.barh(at, shares, height=WIDTH, color=color, alpha=0.85, label=label)
    axes.set_yticks(places, [_short(label) for label in histogram.labels])
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.xaxis.set_major_formatter(lambda share, _: percent(share))
    axes.set_xlabel("share of the rows")
    axes.legend(loc="best")


def _lines(of: Mapping[str, Trend], limit: float, axes: Axes, _: Metrics) -> None:
    axes.set_title("Distance from training")
    for place, (name, points) in enumerate(of.items()):
        instants, values = zip(*points, strict=True)
        axes.plot(instants, values, "o-", color=f"C{place}", markersize=3, label=_short(name))
    axes.axhline(limit, **REFERENCE)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("stability index")
    axes.tick_params(axis="x", rotation=30)
    axes.legend(loc="best")


def _title(histogram: Histogram) -> str:
    name = _short(histogram.name, 30)
    return f"{name}\n{histogram.slice}" if histogram.slice else name


def _short(text: str, most: int = TEXT) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
