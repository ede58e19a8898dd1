"""The serving query: one SELECT in Postgres for a row and its request-time features."""

from collections.abc import Sequence

from sqlglot import exp

from hindcast import names
from hindcast.compiler.dialects import POSTGRES
from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.datatypes import DataType

# What the driver hands to a model: whole numbers, floats, booleans and text.
_SERVED = {
    "bigint": "INT8", "double": "FLOAT8", "decimal": "FLOAT8", "boolean": "BOOLEAN",
    "string": "TEXT", "timestamp": "TIMESTAMPTZ", "date": "DATE",
}  # fmt: skip


def serving_query(view: CompiledView, features: Sequence[str]) -> str:
    """SELECT of the features in order, then features_as_of and materialization.

    Parameters (psycopg style): %(key)s and, where a feature needs it, %(as_of)s, a timestamptz.
    """
    columns = [
        f"{_served(view, view.feature(name))} AS {POSTGRES.quote(name)}" for name in features
    ]
    columns += [names.FEATURES_AS_OF, names.MATERIALIZATION]
    relation = f"{POSTGRES.quote(names.ONLINE_SCHEMA)}.{POSTGRES.quote(view.view.name)}"
    return f"SELECT {', '.join(columns)} FROM {relation} WHERE {_quoted(view.key)} = %(key)s"


def _served(view: CompiledView, feature: CompiledFeature) -> str:
    sql = POSTGRES.quote(feature.name) if feature.kind != "request" else _request(view, feature)
    return f"CAST({sql} AS {_driver_type(feature.datatype)})"


def _request(view: CompiledView, feature: CompiledFeature) -> str:
    """The expression over the latest known values of its columns, at the request's instant."""
    inputs = view.inputs_of(feature.tree)
    columns = {name: _quoted(names.input_column(name)) for name in inputs}
    columns[names.AS_OF] = "CAST(%(as_of)s AS TIMESTAMPTZ)"
    return POSTGRES.render(_escaped(feature.tree), view.types, columns)


def _escaped(tree: exp.Expression) -> exp.Expression:
    """The tree with every percent sign of a literal doubled, as the driver wants it."""
    copy = tree.copy()
    for literal in copy.find_all(exp.Literal):
        literal.set("this", literal.this.replace("%", "%%"))
    return copy


def _quoted(column: str) -> str:
    return POSTGRES.quote(column).replace("%", "%%")


def _driver_type(datatype: DataType) -> str:
    return _SERVED[datatype.kind]
