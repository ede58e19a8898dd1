"""Plots that are drawn once: each release's takes half a second."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from hindcast.models.registry import plots

Render = Callable[[Mapping[str, Any]], dict[str, bytes]]


def kept() -> Render:
    """`plots.render` as it is now, which keeps what it has drawn of any metrics."""
    render, drawn = plots.render, dict[str, dict[str, bytes]]()

    def kept_or_drawn(metrics: Mapping[str, Any]) -> dict[str, bytes]:
        key = json.dumps(metrics, sort_keys=True)
        if key not in drawn:
            drawn[key] = render(metrics)
        return drawn[key]

    return kept_or_drawn
