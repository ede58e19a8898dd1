"""How every plot of a release looks: SVG that suits light and dark pages."""

import io
import re
from collections.abc import Callable, Mapping
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

Metrics = Mapping[str, Any]
Draw = Callable[[Axes, Metrics], None]

# Matplotlib has no currentColor: this hex stands for it until the SVG is written.
INK = "#010203"
MODEL = "#2f81d7"
OTHER = "#d9822b"
# A line to compare the others with.
REFERENCE: dict[str, Any] = {"color": INK, "alpha": 0.4, "linewidth": 1, "linestyle": "--"}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "hindcast",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.size": 10,
    "text.color": INK,
    "text.parse_math": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": INK,
    "grid.alpha": 0.12,
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.8,
    "legend.frameon": False,
    "legend.fontsize": 9,
}
# A page that the SVG is part of may say more of .plot; alone it follows the reader's scheme.
_SCHEME = (
    "<style>.plot{color:#32383f;font-family:sans-serif}"
    "@media (prefers-color-scheme:dark){.plot{color:#c9d1d9}}</style>"
)


def svgs(drawn: Mapping[str, Draw], metrics: Metrics) -> dict[str, bytes]:
    """Plot name -> SVG without XML prologue."""
    with matplotlib.rc_context(_STYLE):
        return {name: _svg(name, draw, metrics) for name, draw in drawn.items()}


def _svg(name: str, draw: Draw, metrics: Metrics) -> bytes:
    figure = Figure(figsize=(4.6, 3.7), layout="constrained")
    draw(figure.add_subplot(), metrics)
    stream = io.BytesIO()
    # Without a date the same metrics are the same bytes.
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return _inline(name, stream.getvalue().decode()).encode()


def _inline(name: str, text: str) -> str:
    """The svg element alone; its ids and rules are its own, so that several fit into one page."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", text)
    text = re.sub(r"font-family: [^;\"]*; ", "", text).replace("*{", ".plot *{")
    text = text.replace(INK, "currentColor")
    opening, rest = text.split(">", 1)
    return (
        f'{opening} class="plot" role="img" aria-label="{name.replace("_", " ")}">{_SCHEME}{rest}'
    )


def unit_square(axes: Axes, x: str, y: str) -> None:
    """Let both axes go from 0 to 1."""
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.xaxis.set_minor_locator(NullLocator())


def percent(value: float, _place: int = 0) -> str:
    """Three digits at most, such as 0.36%."""
    return f"{value * 100:.3g}%"
