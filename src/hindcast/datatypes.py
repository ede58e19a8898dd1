"""The column types of definitions, and what each is called in every engine."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hindcast.errors import DefinitionError

if TYPE_CHECKING:
    import pyarrow as pa

KINDS = ("bigint", "double", "boolean", "string", "date", "timestamp", "decimal")
# Other words for a type; a uuid is kept as its text.
ALIASES = {"int": "bigint", "float": "double", "text": "string", "uuid": "string"}

_SQL = {
    "duckdb": {"string": "VARCHAR", "timestamp": "TIMESTAMPTZ"},
    "spark": {},
    "postgres": {"string": "TEXT", "timestamp": "TIMESTAMPTZ", "double": "FLOAT8"},
}


@dataclass(frozen=True)
class DataType:
    """One of KINDS; precision and scale only for decimal. Timestamps are UTC instants."""

    kind: str
    precision: int = 0
    scale: int = 0

    def __str__(self) -> str:
        return f"decimal({self.precision},{self.scale})" if self.kind == "decimal" else self.kind

    @property
    def is_numeric(self) -> bool:
        """Whether a model reads it as a number; booleans count as 0 and 1."""
        return self.kind in ("bigint", "double", "boolean", "decimal")

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


def parse(text: str) -> DataType:
    """Read a type as definitions write it, such as "bigint", "int" or "decimal(18,2)"."""
    match = re.fullmatch(r"decimal\(\s*(\d+)\s*,\s*(\d+)\s*\)", text.strip())
    if match:
        precision, scale = int(match[1]), int(match[2])
        if 0 < precision <= 38 and scale <= precision:
            return DataType("decimal", precision, scale)
    name = ALIASES.get(text.strip(), text.strip())
    if name in KINDS and name != "decimal":
        return DataType(name)
    choices = ", ".join((*KINDS[:-1], *ALIASES))
    raise DefinitionError(f"unknown type '{text}'; use one of {choices}, decimal(p,s) with p <= 38")
