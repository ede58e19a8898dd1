"""Writes docs/definitions.md from the definitions themselves; `make docs` runs it.

Every example is run, one after the other, so that none can be wrong or out of date.
"""

import inspect
import sys
from collections.abc import Iterable, Iterator
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from docs.examples_of_definitions import (
    ARRAYS,
    CLASSES,
    EXPRESSIONS,
    INTRODUCTION,
    LENGTHS,
    WINDOWS,
)
from hindcast import datatypes, definitions
from hindcast.compiler.aggregates import AGGREGATES
from hindcast.compiler.functions import FUNCTIONS

PAGE = Path(__file__).with_name("definitions.md")


def page() -> str:
    """The whole page; raises what an example raises that does not hold."""
    parts = [
        INTRODUCTION,
        *_classes(),
        "## Windows",
        f"`prior()`: {_doc(definitions.prior)}",
        f"`latest()`: {_doc(definitions.latest)}",
        _table(("window", "the events that a feature sees"), _checked(WINDOWS)),
        _table(("length of time", "is"), _checked(LENGTHS)),
        "## Aggregates",
        "Each may be followed by `filter (where ...)`, which leaves events out.",
        _table(
            ("call", "example", "gives", "ties", "nulls", "no event"),
            (
                (_code(a.call), _code(a.example), a.gives, a.ties, a.nulls, a.nothing)
                for a in AGGREGATES
            ),
        ),
        "## Functions",
        "Null in, null out.",
        _table(
            ("call", "example", "gives"),
            ((_code(each.call), _code(each.example), each.gives) for each in FUNCTIONS),
        ),
        "## Other expressions",
        _table(("expression", "gives"), ((_code(call), said) for call, said in EXPRESSIONS)),
        "## Types",
        ", ".join(_code("decimal(p,s)" if kind == "decimal" else kind) for kind in datatypes.KINDS)
        + f". Timestamps are instants in UTC.\n\n{ARRAYS}",
        _table(
            ("also written", "is"),
            ((_code(name), _code(kind)) for name, kind in datatypes.ALIASES.items()),
        ),
        "## Kinds of target",
        _table(
            ("task", "labels", "minimum of", "maximum of"),
            (
                (_code(name), *map(", ".join, (rules.labels, rules.rising, rules.falling)))
                for name, rules in definitions.TASKS.items()
            ),
        ),
    ]
    return "\n\n".join(parts) + "\n"


def _classes() -> Iterator[str]:
    """Each class with what it says of itself, its arguments and its example."""
    known: dict[str, Any] = {}
    for name, example in CLASSES.items():
        declared = getattr(definitions, name)
        exec(example, known)
        yield f"## {name}"
        yield _doc(declared)
        yield ", ".join(_argument(each) for each in fields(declared)) + "."
        yield f"```python\n{example.strip()}\n```"


def _argument(argument: Field[Any]) -> str:
    if argument.default is MISSING and argument.default_factory is MISSING:
        return _code(argument.name)
    default = argument.default
    if callable(default) or default is MISSING:
        return f"{_code(argument.name)} (optional)"
    return _code(f"{argument.name}={default!r}")


def _checked(examples: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Windows and lengths, each made once."""
    for text, said in examples:
        eval(text, {name: getattr(definitions, name) for name in definitions.__all__})
        yield _code(text), said


def _doc(documented: object) -> str:
    return inspect.cleandoc(inspect.getdoc(documented) or "").replace("*", r"\*")


def _code(text: str) -> str:
    return f"`{text}`"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(PAGE.write_text(page()) == 0)
