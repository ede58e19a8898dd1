"""Windows -> SQL frames, over columns that give each row its place among the entity's events."""

from datetime import timedelta

from hindcast.definitions import Window

# The frame of everything strictly before the row, in the order of events.
BEFORE = "ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
_MICROSECOND = timedelta(microseconds=1)


def of_instants(window: Window) -> str:
    """The frame over instants (microseconds) that ends before the row's, or earlier."""
    end = window.ending // _MICROSECOND
    if window.length is None:
        return f"RANGE BETWEEN UNBOUNDED PRECEDING AND {end + 1} PRECEDING"
    start = end + window.length // _MICROSECOND
    return f"RANGE BETWEEN {start} PRECEDING AND {end + 1} PRECEDING"


def newest(count: int) -> str:
    """The frame over numbers of earlier events that holds the newest of them."""
    return f"RANGE BETWEEN {count} PRECEDING AND 1 PRECEDING"
