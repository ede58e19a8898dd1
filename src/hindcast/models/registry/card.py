"""The model card: what a release is, how it came about and what it is worth, as one HTML page."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hindcast.models.registry import pages, plots, words
from hindcast.models.registry.pages import NONE, number, percent, signed

Document = Mapping[str, Any]
FOLDER = Path(__file__).parent
TEMPLATE = "card.html.jinja"
# With fewer positives, or rows, than this, a number says little, and the card says so.
FEW = 20


def render(
    release: str,
    manifest: Document,
    metrics: Document,
    status: Document | None = None,
    evaluation: Document | None = None,
    promotions: Sequence[Document] = (),
) -> str:
    """One self-contained page: no script, no font, nothing to load.

    manifest, metrics: a release's own JSON. status: state and version. evaluation: the gate's
    verdict, with champion and as_of. promotions: of this release, the newest first.
    """
    template = pages.environment(FOLDER).get_template(TEMPLATE)
    return template.render(
        release=release,
        manifest=manifest,
        metrics=metrics,
        status=status or {},
        evaluation=evaluation,
        promotions=promotions,
        task=words.task(metrics),
        words=words.of(metrics),
        data=words.inputs(manifest),
        spine=words.spine(manifest),
        baselines=[*_baselines(metrics).values()],
        composition=_COMPOSITION[words.task(metrics)](metrics["holdout"]),
        tiles=_tiles(metrics),
        comparison=_comparison(metrics),
        features=plots.ranked_features(metrics),
        plots=_plots(metrics),
        few=FEW,
    )


def _plots(metrics: Document) -> list[dict[str, Any]]:
    drawn = plots.render(metrics)
    return [
        {"name": name, "svg": pages.drawing(svg), "caption": words.of(metrics).captions[name]}
        for name, svg in drawn.items()
    ]


def _tiles(metrics: Document) -> list[dict[str, str]]:
    """What the page begins with: the first two metrics, and the first over the baseline."""
    measures, comparison = words.of(metrics).measures, _comparison(metrics)
    cells = [row["cells"][0] for row in comparison[:2]]
    labels = [measure.label.partition(" (")[0] for measure in measures.values()]
    over = comparison[0]["difference"]
    return [
        {"label": labels[0], "tone": "", **_noted(cells[0])},
        {
            "label": f"{labels[0]} over the baseline",
            "value": over["value"],
            "tone": over["tone"],
            "note": over["verdict"],
        },
        {"label": labels[1], "tone": "", **_noted(cells[1])},
    ]


def _noted(cell: dict[str, str]) -> dict[str, str]:
    return {
        "value": cell["value"],
        "note": cell["interval"] or "not defined on this holdout",
    }


def _comparison(metrics: Document) -> list[dict[str, Any]]:
    """Per metric: the model, the baselines, and the difference to the simple one, as text."""
    said = words.of(metrics)
    sides = (metrics["holdout"], *(metrics["baseline"][name] for name in _baselines(metrics)))
    return [
        {
            "label": measure.label,
            "better": "higher" if measure.rising else "lower",
            "cells": [_cell(side, name, measure.digits) for side in sides],
            "difference": _difference(
                metrics["over_baseline"], name, measure.digits, measure.rising
            ),
        }
        for name, measure in said.measures.items()
    ]


def _baselines(metrics: Document) -> dict[str, str]:
    """Those that the release was measured beside -> what people call them."""
    said = words.of(metrics).baselines
    return {name: label for name, label in said.items() if name in metrics["baseline"]}


def _cell(side: Document, name: str, digits: int) -> dict[str, str]:
    """A value and its interval, where it has one."""
    interval = side.get("intervals", {}).get(name)
    span = "" if interval is None else " to ".join(number(end, digits) for end in interval)
    return {"value": number(side[name], digits), "interval": span}


def _difference(over: Document, name: str, digits: int, rising: bool) -> dict[str, str]:
    """Model minus baseline; it is told apart from none where the interval leaves out 0."""
    estimate, interval = over["estimates"].get(name), over["intervals"].get(name)
    if estimate is None or interval is None:
        return {"value": NONE, "interval": "", "verdict": "", "tone": ""}
    low, high = interval
    verdict, tone = "no clear difference", ""
    if low > 0 or high < 0:
        verdict, tone = ("better", "good") if (low > 0) == rising else ("worse", "bad")
    span = " to ".join(signed(end, digits) for end in interval)
    return {"value": signed(estimate, digits), "interval": span, "verdict": verdict, "tone": tone}


_COMPOSITION: Mapping[str, Callable[[Document], str]] = {
    "binary": lambda held: (
        f"{held['positives']:,} of them ({percent(held['prevalence'])}) are positive"
    ),
    "multiclass": lambda held: f"they have {len(held['classes'])} classes",
    "regression": lambda held: f"their labels are {number(held['mean_label'])} on average",
}
