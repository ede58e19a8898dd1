"""Windows -> SQL frames, over columns that give each row its place among the entity's events."""

from datetime import timedelta

from hindcast.compiler.dialects import Dialect
from hindcast.definitions import Window

# The frame of everything strictly before the row, in the order of events.
BEFORE = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
# Places of events of one instant: more than there are, and apart enough that a frame which begins
# or ends a fixed distance from any of them does so between two instants.
_TIES = 2**32
_APART = 2 * _TIES
_MICROSECOND = timedelta(microseconds=1)


def of_instants(window: Window) -> str:
    """The frame over instants (microseconds) that ends before the row's, or earlier."""
    end = micros(window.ending)
    if window.length is None:
        return f"RANGE BETWEEN UNBOUNDED PRECEDING AND {end + 1} PRECEDING"
    start = end + micros(window.length)
    return f"RANGE BETWEEN {start} PRECEDING AND {end + 1} PRECEDING"


def micros(length: timedelta) -> int:
    """Microseconds of a length of time."""
    return length // _MICROSECOND


def step(number: str, event: str, over: str) -> str:
    """A number of a row that grows from row to row: of earlier events, then of rows between them.

    number: how many events come before. event: is null where the row is none. No two rows have
    the same one, so that an engine adds doubles up in the same order each time.
    """
    between = f"ROW_NUMBER() {over}"
    return f"{number} * {_TIES} + CASE WHEN {event} IS NULL THEN {between} ELSE {_TIES - 1} END"


def newest(count: int) -> str:
    """The frame over steps that holds the newest earlier events."""
    return f"RANGE BETWEEN {count * _TIES} PRECEDING AND 1 PRECEDING"


def nth_newest(number: int) -> str:
    """The frame over numbers of earlier events that holds one of them, counted from the newest."""
    return f"RANGE BETWEEN {number} PRECEDING AND {number} PRECEDING"


def place(dialect: Dialect, entity: str, within: str) -> str:
    """A number of a row that grows from event to event, within an instant too; see of_places."""
    tie = f"RANK() OVER (PARTITION BY {entity}, _at ORDER BY {within})"
    return _wide(dialect, f"{_wide(dialect, '_at')} * {_APART} + {tie} - 1")


def of_places(dialect: Dialect, window: Window) -> str:
    """The frame over places that ends before the row, or as long before it as the window says.

    Unlike one over instants it can end between two events of one instant.
    """
    ending = micros(window.ending)
    end = _wide(dialect, str(ending * _APART + _TIES if ending else 1))
    if window.length is None:
        return f"RANGE BETWEEN UNBOUNDED PRECEDING AND {end} PRECEDING"
    length = micros(window.length)
    start = _wide(dialect, str((ending + length) * _APART + _TIES - 1))
    return f"RANGE BETWEEN {start} PRECEDING AND {end} PRECEDING"


def _wide(dialect: Dialect, sql: str) -> str:
    """A whole number with room for the places of all instants."""
    return f"CAST({sql} AS {'DECIMAL(38, 0)' if dialect.name == 'spark' else 'HUGEINT'})"
