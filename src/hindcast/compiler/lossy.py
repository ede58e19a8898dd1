"""Values that are null where the digits do not suffice, and what tells so."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lossy:
    """SQL of a value, and of each way in which it is null for want of digits."""

    sql: str
    overflows: tuple[str, ...] = ()


def unless(overflowed: str, value: Lossy) -> Lossy:
    """The value, or null where some row's own arithmetic overflowed."""
    sql = f"CASE WHEN NOT ({overflowed}) THEN {value.sql} END"
    return Lossy(sql, (*value.overflows, f"({overflowed})"))
