"""The model card: what a release is, how it came about and what it is worth, as one HTML page."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hindcast.models.registry import plots

Document = Mapping[str, Any]
TEMPLATE = "card.html.jinja"
# Metric -> its name for people, digits after the point, and whether more is better.
METRICS = {
    "roc_auc": ("ROC AUC", 4, True),
    "pr_auc": ("PR AUC (average precision)", 4, True),
    "ks": ("Kolmogorov-Smirnov", 4, True),
    "brier": ("Brier score", 5, False),
    "log_loss": ("Log loss", 5, False),
    "calibration_error": ("Calibration error", 5, False),
}
CAPTIONS = {
    "roc": "How many positives are found at each share of false alarms.",
    "precision_recall": "How many of those answered 1 are positive, the more of them are found.",
    "calibration": "Predicted and observed shares in tenths of the rows, with 95% intervals.",
    "score_distribution": "Probabilities of each class; the less they overlap the better.",
    "confusion": "Answers beside the truth; percentages are of each row.",
    "feature_importance": "Mean loss and deviation over five shuffles of the holdout.",
}
# With fewer positives than this, a number says little, and the card says so.
FEW = 20
NONE = "\N{EN DASH}"


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
    template = _environment().get_template(TEMPLATE)
    return template.render(
        release=release,
        manifest=manifest,
        metrics=metrics,
        status=status or {},
        evaluation=evaluation,
        promotions=promotions,
        comparison=_comparison(metrics),
        features=plots.ranked_features(metrics),
        plots=_plots(metrics),
        few=FEW,
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=_number, percent=_percent, signed=_signed, instant=_instant, tone=_tone
    )
    return environment


def _plots(metrics: Document) -> list[dict[str, Any]]:
    drawn = plots.render(metrics)
    return [
        # What Matplotlib writes is escaped already.
        {"name": name, "svg": Markup(svg.decode()), "caption": CAPTIONS[name]}
        for name, svg in drawn.items()
    ]


def _comparison(metrics: Document) -> list[dict[str, Any]]:
    """Per metric: the model, the baselines, and the difference to the simple one, as text."""
    sides = (metrics["holdout"], *(metrics["baseline"][n] for n in (plots.BASELINE, "prevalence")))
    return [
        {
            "label": label,
            "better": "higher" if rising else "lower",
            "cells": [_cell(side, name, digits) for side in sides],
            "difference": _difference(metrics["over_baseline"], name, digits, rising),
        }
        for name, (label, digits, rising) in METRICS.items()
    ]


def _cell(side: Document, name: str, digits: int) -> dict[str, str]:
    """A value and its interval, where it has one."""
    interval = side.get("intervals", {}).get(name)
    span = "" if interval is None else " to ".join(_number(end, digits) for end in interval)
    return {"value": _number(side[name], digits), "interval": span}


def _difference(over: Document, name: str, digits: int, rising: bool) -> dict[str, str]:
    """Model minus baseline; it is told apart from none where the interval leaves out 0."""
    estimate, interval = over["estimates"].get(name), over["intervals"].get(name)
    if estimate is None or interval is None:
        return {"value": NONE, "interval": "", "verdict": "", "tone": ""}
    low, high = interval
    verdict, tone = "no clear difference", ""
    if low > 0 or high < 0:
        verdict, tone = ("better", "good") if (low > 0) == rising else ("worse", "bad")
    span = " to ".join(_signed(end, digits) for end in interval)
    return {"value": _signed(estimate, digits), "interval": span, "verdict": verdict, "tone": tone}


def _number(value: float | None, digits: int = 4) -> str:
    return NONE if value is None else f"{value:,.{digits}f}"


def _signed(value: float | None, digits: int = 4) -> str:
    """With a plus or a true minus sign; what rounds to zero has neither."""
    if value is None:
        return NONE
    text = f"{abs(value):.{digits}f}"
    sign = "" if not float(text) else "+" if value > 0 else "\N{MINUS SIGN}"
    return f"{sign}{text}"


def _percent(value: float | None) -> str:
    """Three digits, such as 0.358%."""
    return NONE if value is None else f"{value * 100:.3g}%"


def _instant(value: str | datetime | int | None) -> str:
    """An instant as people read it, in UTC; a number is microseconds since 1970."""
    if value is None:
        return NONE
    if isinstance(value, int):
        value = datetime.fromtimestamp(value / 1_000_000, UTC)
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    return found.strftime("%Y-%m-%d" if _is_midnight(found) else "%Y-%m-%d %H:%M:%S UTC")


def _is_midnight(value: datetime) -> bool:
    return value.time() == datetime.min.time()


def _tone(state: str) -> str:
    """The colour of a state: production is good, a refusal is bad, all else is neutral."""
    if "refused" in state or "failed" in state:
        return "bad"
    return "good" if state == "champion" else "plain"
