"""How long what grows is kept: lines of answers, and files of the lake that nothing needs."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from hindcast.definitions import lengths
from hindcast.errors import DefinitionError


@dataclass(frozen=True)
class Retention:
    """What `hindcast vacuum` may remove; the project's only one, without which lines stay for ever.

    predictions: how long lines of answers are kept, such as days(730); None: always. files: how
    long a file of the lake is kept that neither the table, nor the replay of a kept answer, nor a
    release needs; days(0) only where nothing else works with the lake.
    """

    predictions: timedelta | None = None
    files: timedelta = timedelta(days=30)

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the wrong argument."""
        if self.predictions is not None:
            lengths.require("retention", "predictions", self.predictions, timedelta(hours=1))
        lengths.require("retention", "files", self.files)


def declared(items: Iterable[object]) -> Retention:
    """The retention among definitions, or that of a project without one."""
    found = list(dict.fromkeys(item for item in items if isinstance(item, Retention)))
    if len(found) > 1:
        raise DefinitionError(f"{len(found)} Retention definitions; leave one")
    return found[0] if found else Retention()
