"""How the files of a source are written: CSV, JSON lines or Parquet, and the values in them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from hindcast.definitions import arguments
from hindcast.errors import DefinitionError

Epoch = Literal["s", "ms", "us"]

# What both Python and DuckDB read, each alike.
_DIRECTIVES = "YymbBdjHIMSfpzaA%"
_SAMPLE = datetime(2021, 9, 17, 14, 5, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Values:
    """How values are written as text, where it is not as in SQL.

    decimal: the sign before the decimals. dates, timestamps: strptime formats such as "%d.%m.%Y";
    a timestamp without %z is UTC; the default is ISO 8601. epoch: timestamps are numbers of seconds
    "s", "ms" or "us" since 1970. nulls: words that mean null, as an empty value does.
    """

    decimal: str = "."
    dates: str | None = None
    timestamps: str | None = None
    epoch: Epoch | None = None
    nulls: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the format and its wrong argument."""
        arguments.require_one_of(self._where, "decimal", self.decimal, (".", ","))
        self._check_instants("dates", self.dates, _SAMPLE.replace(hour=0, minute=0))
        self._check_instants("timestamps", self.timestamps, _SAMPLE)
        if self.epoch is not None:
            arguments.require_one_of(self._where, "epoch", self.epoch, get_args(Epoch))
        if self.epoch and self.timestamps:
            raise DefinitionError(f"{self._where}: declare timestamps or epoch, not both")
        arguments.require_items(self._where, "nulls", self.nulls, str, "word")

    @property
    def _where(self) -> str:
        return f"format {type(self).__name__}"

    def _check_instants(self, argument: str, given: Any, sample: datetime) -> None:
        """Raise DefinitionError for what does not give an instant back that was written by it."""
        if given is None:
            return
        arguments.require_text(self._where, argument, given, "a format such as '%d.%m.%Y'")
        unknown = [one for one in re.findall("%(.?)", given) if one not in _DIRECTIVES or not one]
        if unknown:
            raise DefinitionError(
                f"{self._where}: {argument} {given!r} has %{unknown[0]}, which is not read; use "
                f"{', '.join(f'%{one}' for one in _DIRECTIVES)}"
            )
        if not _holds(given, sample):
            wanted = "year, month and day" if argument == "dates" else "a date and a time"
            raise DefinitionError(f"{self._where}: {argument} {given!r} lacks some of {wanted}")


@dataclass(frozen=True, kw_only=True)
class Csv(Values):
    """CSV with a header: values between delimiters, in quotes where need be, on lines.

    quote: doubled within a value; None where no value is quoted. encoding: as Python names it.
    """

    delimiter: str = ","
    quote: str | None = '"'
    encoding: str = "utf-8"

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the wrong argument."""
        super().__post_init__()
        self._check_sign("delimiter", self.delimiter)
        if self.quote is not None:
            self._check_sign("quote", self.quote)
        if self.quote == self.delimiter:
            raise DefinitionError(
                f"{self._where}: delimiter and quote are both {self.quote!r}; choose two"
            )
        arguments.require_text(self._where, "encoding", self.encoding, "text such as 'latin-1'")
        try:
            "a".encode(self.encoding)
        except LookupError as error:
            raise DefinitionError(
                f"{self._where}: encoding '{self.encoding}' is not known; use one of Python's, "
                "such as 'utf-8', 'cp1252' or 'utf-16'"
            ) from error

    def _check_sign(self, argument: str, given: Any) -> None:
        is_sign = isinstance(given, str) and len(given) == 1 and given.isascii()
        if not is_sign or given in "\r\n\0":
            raise DefinitionError(
                f"{self._where}: {argument} is {arguments.shown(given)}, not one ASCII character"
            )


@dataclass(frozen=True, kw_only=True)
class JsonLines(Values):
    """One JSON object a line. paths: column -> where its value is, such as "payment.amount"."""

    paths: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the wrong argument."""
        super().__post_init__()
        arguments.require_mapping(self._where, "paths", self.paths, "a mapping of columns to paths")
        for column, path in self.paths.items():
            where = f"the path of '{column}'"
            arguments.require_text(self._where, where, path, "keys such as 'payment.amount'")

    def keys(self, column: str) -> Sequence[str]:
        """The keys that lead to a column's value; its own name where no path is declared."""
        return self.paths[column].split(".") if column in self.paths else [column]


@dataclass(frozen=True, kw_only=True)
class Parquet(Values):
    """Parquet; its values have types, and what is declared of text is of its text columns."""


Format = Csv | JsonLines | Parquet


def _holds(form: str, sample: datetime) -> bool:
    try:
        return datetime.strptime(sample.strftime(form), form).replace(tzinfo=UTC) == sample
    except ValueError:
        return False
