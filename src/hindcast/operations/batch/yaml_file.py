"""A YAML file with the line of everything in it, for messages that say where."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from hindcast.errors import InputError

Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """Reads dates as text: who wants an instant says what is wrong with it, and where."""


_Loader.yaml_implicit_resolvers = {
    first: [each for each in resolvers if each[0] != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Located:
    """A document, and the line from 1 that each of its values or keys begins on."""

    document: Any
    lines: dict[Path, int]

    def line(self, path: Path) -> int:
        """The line of a path, or of what it would be in."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def parse(text: str, name: str) -> Located:
    """Read one document; raises InputError with the line of what is no YAML, or a key twice."""
    try:
        node = yaml.compose(text, Loader=_Loader)
        if node is None:
            raise InputError(f"{name}: the file is empty; it must have model and data")
        lines = dict(_lines(node, (), name))
        return Located(yaml.load(text, _Loader), lines)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{name} line {line}: {error.problem}; correct the YAML") from error
    except yaml.YAMLError as error:
        raise InputError(f"{name}: is not YAML: {str(error).splitlines()[0]}") from error
    except (ValueError, RecursionError) as error:  # A number too long; endless nesting.
        raise InputError(f"{name}: is not YAML that can be read: {error}") from error


def _lines(node: yaml.Node, path: Path, name: str) -> Iterator[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            where = f"{name} line {key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode):
                raise InputError(f"{where}: a name is a list or a mapping; write plain text")
            if key.value in seen:
                raise InputError(f"{where}: {key.value} is there twice; leave one")
            seen.add(key.value)
            yield from _lines(value, (*path, key.value), name)
            yield (*path, key.value), key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for place, value in enumerate(node.value):
            yield from _lines(value, (*path, place), name)
