"""The column types of definitions, and what each is called in every engine."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hindcast.errors import DefinitionError

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("bigint", "double", "boolean", "string", "date", "timestamp", "decimal")
# An array of doubles, such as an embedding: written double[n], and no value to reckon with.
ARRAY = "array"
EVERY = (*KINDS, ARRAY)
LONGEST_ARRAY = 4096
# Other words for a type; a uuid is kept as its text.
ALIASES = {"int": "bigint", "float": "double", "text": "string", "uuid": "string"}
# The digits of the largest bigint.
_BIGINT_DIGITS = 19

_SQL = {
    "duckdb": {"string": "VARCHAR", "timestamp": "TIMESTAMPTZ", ARRAY: "DOUBLE[]"},
    "spark": {ARRAY: "ARRAY<DOUBLE>"},
    "postgres": {
        "string": "TEXT",
        "timestamp": "TIMESTAMPTZ",
        "double": "FLOAT8",
        ARRAY: "FLOAT8[]",
    },
}


@dataclass(frozen=True)
class DataType:
    """One of KINDS, or ARRAY; timestamps are UTC instants.

    precision, scale: of a decimal. size: how many numbers an array has.
    """

    kind: str
    precision: int = 0
    scale: int = 0
    size: int = 0

    def __str__(self) -> str:
        if self.is_array:
            return f"double[{self.size}]"
        return f"decimal({self.precision},{self.scale})" if self.kind == "decimal" else self.kind

    @property
    def is_numeric(self) -> bool:
        """Whether a model reads it as a number; booleans count as 0 and 1."""
        return self.kind in ("bigint", "double", "boolean", "decimal")

    @property
    def is_array(self) -> bool:
        """Whether it is numbers in their places, which a model reads as a column each."""
        return self.kind == ARRAY

    def holds(self, other: "DataType") -> bool:
        """Whether it has every value of another; a double those of a bigint up to 2**53."""
        whole_digits = self.precision - self.scale
        if other.kind == "bigint" and self.kind in ("double", "decimal"):
            return self.kind == "double" or whole_digits >= _BIGINT_DIGITS
        if other.kind == self.kind == "decimal":
            return self.scale >= other.scale and whole_digits >= other.precision - other.scale
        return self == other

    def sql(self, dialect: str) -> str:
        """The type's name in duckdb, spark or postgres."""
        return _SQL[dialect].get(self.kind, str(self).upper())

    def postgres_column(self) -> str:
        """A Postgres column of it; text in the order of its bytes, as the engines have it."""
        name = self.sql("postgres")
        return f'{name} COLLATE "C"' if self.kind == "string" else name

    def arrow(self) -> "pa.DataType":
        """The Arrow type that carries it between engines and the lake."""
        import pyarrow as pa

        if self.kind == "decimal":
            return pa.decimal128(self.precision, self.scale)
        if self.is_array:
            return pa.list_(pa.float64())
        return {
            "bigint": pa.int64(),
            "double": pa.float64(),
            "boolean": pa.bool_(),
            "string": pa.string(),
            "date": pa.date32(),
            "timestamp": pa.timestamp("us", tz="UTC"),
        }[self.kind]


BIGINT = DataType("bigint")
DOUBLE = DataType("double")
BOOLEAN = DataType("boolean")
STRING = DataType("string")
DATE = DataType("date")
TIMESTAMP = DataType("timestamp")


def of_arrow(kind: "pa.DataType") -> DataType | None:
    """The type that an Arrow type carries; None where it carries none."""
    if isinstance(precision := getattr(kind, "precision", None), int):
        found = DataType("decimal", precision, getattr(kind, "scale", 0))
        return found if found.arrow() == kind else None
    plain = (DataType(name) for name in KINDS if name != "decimal")
    return next((each for each in plain if each.arrow() == kind), None)


def words(kind: "pa.DataType") -> str:
    """An Arrow type as definitions name it, else by its own name."""
    if kind == DataType(ARRAY).arrow():
        return "double[n]"
    return str(of_arrow(kind) or kind)


def parse(text: str) -> DataType:
    """Read a type as definitions write it: "bigint", "int", "decimal(18,2)" or "double[384]"."""
    match = re.fullmatch(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)", text.strip())
    if match:
        precision, scale = int(match[1]), int(match[2])
        if 0 < precision <= 38 and scale <= precision:
            return DataType("decimal", precision, scale)
    array = re.fullmatch(r"(?:double|float)\[\s*(\d+)\s*\]", text.strip())
    if array and 1 <= int(array[1]) <= LONGEST_ARRAY:
        return DataType(ARRAY, size=int(array[1]))
    name = ALIASES.get(text.strip(), text.strip())
    if name in KINDS and name != "decimal":
        return DataType(name)
    choices = ", ".join((*KINDS[:-1], *ALIASES))
    raise DefinitionError(
        f"unknown type '{text}'; use one of {choices}, decimal(p,s) with p <= 38, "
        f"double[n] with n from 1 to {LONGEST_ARRAY}"
    )
