"""What is wrong with a file's records: torn ones, a count that is off, two columns of one name."""

from dataclasses import dataclass

from hindcast.errors import HindcastError, InputError


@dataclass(frozen=True)
class Torn:
    """A record that is no row, such as one with too few columns; its whole text.

    line: where it starts, from 1.
    """

    line: int
    reason: str
    record: str


def columns_reason(found: int, width: int) -> str:
    """Why a record of another number of columns than the header is no row."""
    return f"{found} {'column' if found == 1 else 'columns'} where the header has {width}"


def shown(text: str) -> str:
    """A record's text without its line end, and with a replacement for what is not UTF-8."""
    return text.encode(errors="surrogateescape").decode(errors="replace").rstrip("\r\n")


def check_count(name: str, read: int, counted: int) -> None:
    """Raise HindcastError unless as many records were read as were counted apart from that."""
    if read != counted:
        raise HindcastError(
            f"{name}: nothing was added, as {read} of {counted} records were read; if it is still "
            "being written, wait and run it again"
        )


def check_distinct(columns: list[str], name: str, where: str) -> None:
    """Raise InputError where two columns differ in case at most."""
    plain = [column.lower() for column in columns]
    twice = [one for one, lower in zip(columns, plain, strict=True) if plain.count(lower) > 1]
    if twice:
        raise InputError(f"{name}: column '{twice[-1]}' is in {where} twice; rename one")
