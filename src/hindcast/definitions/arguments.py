"""Checks of what definitions are given; each refusal is one line that names the definition."""

import re
from collections.abc import Iterable, Mapping, Sequence
from types import EllipsisType, UnionType
from typing import Any

from hindcast.errors import DefinitionError

# Names become folders, tables and files.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}")
_SHOWN = 60


def require_name(kind: str, given: object) -> None:
    """Raise DefinitionError unless it is a name that a folder and a table can have."""
    if not isinstance(given, str) or not _NAME.fullmatch(given):
        raise DefinitionError(
            f"{kind} {shown(given)}: a name is at most 63 letters, digits, _ and -, "
            "starting with no -; rename it"
        )


def require(where: str, argument: str, given: object, kind: type, wanted: str) -> None:
    """Raise DefinitionError unless an argument is of its kind; true and false are no numbers."""
    if not isinstance(given, kind) or (isinstance(given, bool) and kind is not bool):
        raise DefinitionError(f"{where}: {argument} is {shown(given)}, not {wanted}")


def require_text(where: str, argument: str, given: object, wanted: str) -> None:
    """Raise DefinitionError unless an argument is text, on one line and not blank."""
    require(where, argument, given, str, wanted)
    if not str(given).strip() or not str(given).isprintable():
        raise DefinitionError(f"{where}: {argument} is {shown(given)}, not {wanted}")


def require_expression(where: str, given: object) -> None:
    """Raise DefinitionError unless it is text that SQL could be, on as many lines as it likes."""
    require(where, "expression", given, str, "SQL text")
    if not str(given).strip():
        raise DefinitionError(f"{where}: the expression is empty; write SQL over the columns")


def require_items(
    where: str, argument: str, given: object, kind: type | UnionType, item: str
) -> None:
    """Raise DefinitionError unless an argument is a list or tuple of things of one kind."""
    if not isinstance(given, list | tuple):
        raise DefinitionError(f"{where}: {argument} is {shown(given)}, not a list of {item}s")
    for one in given:
        if not isinstance(one, kind):
            article = "an" if item[0] in "AEIOUaeiou" else "a"
            raise DefinitionError(f"{where}: {argument} has {shown(one)}, not {article} {item}")


def require_number(where: str, argument: str, given: Any, least: float, most: float) -> None:
    """Raise DefinitionError unless an argument is a number from `least` to `most`."""
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not least <= given <= most:
        raise DefinitionError(
            f"{where}: {argument} is {shown(given)}, not a number from {least:g} to {most:g}"
        )


def require_whole(where: str, argument: str, given: Any, least: int, most: int) -> None:
    """Raise DefinitionError unless an argument is a whole number from `least` to `most`."""
    if not isinstance(given, int) or isinstance(given, bool) or not least <= given <= most:
        raise DefinitionError(
            f"{where}: {argument} is {shown(given)}, not a whole number from {least} to {most}"
        )


def require_one_of(where: str, argument: str, given: object, choices: Sequence[str]) -> None:
    """Raise DefinitionError unless an argument is one of the words for it."""
    if given not in choices:
        raise DefinitionError(
            f"{where}: {argument} is {shown(given)}; use one of {', '.join(choices)}"
        )


def require_distinct(where: str, what: str, given: Iterable[str]) -> None:
    """Raise DefinitionError for names that Delta and Spark do not tell apart: by case alone."""
    seen: dict[str, str] = {}
    for name in given:
        if name.lower() in seen:
            raise DefinitionError(
                f"{where}: {what} '{seen[name.lower()]}' and '{name}' have the same name; "
                "rename one"
            )
        seen[name.lower()] = name


def require_described(where: str, owner: object, tags: object, description: object) -> None:
    """Raise DefinitionError unless owner and description are lines of text, and tags some."""
    require_items(where, "tags", tags, str, "text")
    for argument, given in (("owner", owner), ("description", description)):
        if given is not None:
            require_text(where, argument, given, "a line of text")


def selected(
    where: str, item: str, given: Sequence[str] | EllipsisType, known: Iterable[str]
) -> tuple[str, ...]:
    """The names that a selection means, ... being all; raises DefinitionError for others."""
    names = list(known)
    if isinstance(given, EllipsisType):
        return tuple(names)
    require_items(where, "the selection", given, str, f"{item} name")
    if not given:
        raise DefinitionError(f"{where}: an empty list selects nothing; name a {item}")
    for position, name in enumerate(given):
        if name in given[:position]:
            raise DefinitionError(f"{where}: '{name}' is selected twice; leave one out")
        if name not in names:
            raise DefinitionError(f"{where} has no {item} '{name}'; it has {', '.join(names)}")
    return tuple(given)


def require_mapping(where: str, argument: str, given: object, wanted: str) -> None:
    """Raise DefinitionError unless an argument maps texts to something."""
    if not isinstance(given, Mapping):
        raise DefinitionError(f"{where}: {argument} is {shown(given)}, not {wanted}")
    for name in given:
        if not isinstance(name, str):
            raise DefinitionError(f"{where}: {argument} has {shown(name)}, not {wanted}")


def shown(given: object) -> str:
    """A value as an error shows it: on one line, cut or by its kind alone where it is long."""
    name = getattr(given, "__name__", None)
    text = " ".join(repr(given).split()) if name is None else f"{name} (not called)"
    if len(text) <= _SHOWN:
        return text
    return f"{text[:_SHOWN]}..." if isinstance(given, str) else f"a {type(given).__name__}"
