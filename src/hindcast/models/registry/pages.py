"""How HTML pages are made: self-contained, in one look, numbers and instants for people."""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hindcast.models.registry import words

NONE = "\N{EN DASH}"


@cache
def environment(folder: Path) -> Environment:
    """Templates of a folder, and the parts of pages that lie here."""
    found = Environment(
        loader=FileSystemLoader([folder, Path(__file__).parent]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(number=number, percent=percent, signed=signed, instant=instant, tone=tone)
    return found


def drawing(svg: bytes) -> Markup:
    """What Matplotlib wrote, which is escaped already."""
    return Markup(svg.decode())


def number(value: float | None, digits: int = 4) -> str:
    """With so many digits after the point."""
    return NONE if value is None else f"{value:,.{digits}f}"


def signed(value: float | None, digits: int = 4) -> str:
    """With a plus or a true minus sign; what rounds to zero has neither."""
    if value is None:
        return NONE
    text = f"{abs(value):.{digits}f}"
    sign = "" if not float(text) else "+" if value > 0 else "\N{MINUS SIGN}"
    return f"{sign}{text}"


def percent(value: float | None) -> str:
    """A share as people read it."""
    return NONE if value is None else words.percent(value)


def instant(value: str | datetime | int | None) -> str:
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


def tone(state: str) -> str:
    """The colour of a state: production is good, a refusal is bad, all else is neutral."""
    if "refused" in state or "failed" in state:
        return "bad"
    return "good" if state == "champion" else "plain"
