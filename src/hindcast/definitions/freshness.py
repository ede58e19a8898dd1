"""How old features may be when a model answers by them, and what is answered past that."""

from dataclasses import dataclass
from datetime import timedelta

from hindcast.definitions import arguments, lengths
from hindcast.errors import DefinitionError

Fallback = int | float | str


@dataclass(frozen=True)
class Freshness:
    """A limit to the age of served features: from as of when the oldest view is to the question.

    limit: such as hours(48). fallback: what is answered past it, marked as such; None: nothing, the
    service is unavailable (503).
    """

    limit: timedelta
    fallback: Fallback | None = None

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the wrong argument."""
        lengths.require("freshness", "limit", self.limit, timedelta(microseconds=1))

    def check(self, where: str, task: str) -> None:
        """Raise DefinitionError for a fallback that a model of the task does not answer."""
        given = self.fallback
        if given is None:
            return
        if task == "binary":
            arguments.require_whole(where, "fallback", given, 0, 1)
        elif task == "regression":
            arguments.require_number(where, "fallback", given, -1e300, 1e300)
        elif isinstance(given, bool) or not isinstance(given, int | str):
            raise DefinitionError(
                f"{where}: fallback is {arguments.shown(given)}, not one of the model's labels"
            )
