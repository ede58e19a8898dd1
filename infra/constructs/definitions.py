"""State machine definitions: files with ${Placeholders}, and a value for each."""

import re
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "step_functions"
_PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9]+)\}")


class PlaceholderError(ValueError):
    """Raised when a definition and the values for it do not fit."""


def definition(name: str, values: Mapping[str, str], folder: Path = FOLDER) -> str:
    """The text of a definition; raises PlaceholderError unless each placeholder has its value."""
    path = folder / f"{name}.asl.json"
    if not path.is_file():
        raise PlaceholderError(f"{path}: there is no such definition")
    text = path.read_text()
    asked = set(_PLACEHOLDER.findall(text))
    if missing := asked - values.keys():
        raise PlaceholderError(f"{path}: no value for {_list(missing)}; give one where it is built")
    if unused := values.keys() - asked:
        raise PlaceholderError(f"{path}: has no {_list(unused)}; take the value away, or use it")
    return text


def _list(names: set[str]) -> str:
    return ", ".join(f"${{{name}}}" for name in sorted(names))
