"""Plots of a release from its metrics.json, by its task."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes

from hindcast.models.registry import words
from hindcast.models.registry.plots import binary, multiclass, regression
from hindcast.models.registry.plots.drawing import INK, MODEL, Draw, Metrics, svgs

FEATURES_SHOWN = 15
_DRAWINGS: Mapping[str, Callable[[Metrics], dict[str, Draw]]] = {
    "binary": binary.drawings,
    "multiclass": multiclass.drawings,
    "regression": regression.drawings,
}


def render(metrics: Metrics) -> Mapping[str, bytes]:
    """Plot name -> SVG without XML prologue; a plot that is not defined is left out.

    A training shows its release four times, and drawing takes a second: it draws once.
    """
    return _rendered(json.dumps(metrics, sort_keys=True))


@lru_cache(maxsize=8)
def _rendered(text: str) -> Mapping[str, bytes]:
    metrics = json.loads(text)
    drawn = _DRAWINGS[words.task(metrics)](metrics)
    if metrics["importance"]:
        drawn["feature_importance"] = _feature_importance
    return svgs(drawn, metrics)


def _feature_importance(axes: Axes, metrics: Metrics) -> None:
    axes.set_title("Feature importance")
    ranked = ranked_features(metrics)[:FEATURES_SHOWN]
    places = np.arange(len(ranked))
    axes.barh(
        places,
        [part["mean"] for _, part in ranked],
        height=0.7,
        color=MODEL,
        alpha=0.85,
        xerr=[part["deviation"] for _, part in ranked],
        error_kw={"ecolor": INK, "elinewidth": 1, "alpha": 0.7},
    )
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(places, [_short(name) for name, _ in ranked])
    axes.set_ylim(len(ranked) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(words.of(metrics).importance)


def ranked_features(metrics: Metrics) -> Sequence[tuple[str, Mapping[str, float]]]:
    """Features by what shuffling them costs, the dearest first."""
    return sorted(metrics["importance"].items(), key=lambda item: (-item[1]["mean"], item[0]))


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
