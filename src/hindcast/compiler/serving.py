"""The serving query: one SELECT in Postgres for a row and its request-time features."""

from collections.abc import Sequence

from sqlglot import exp

from hindcast import names
from hindcast.compiler.dialects import POSTGRES
from hindcast.compiler.view import CompiledFeature, CompiledView
from hindcast.datatypes import STRING, DataType

# What the driver hands to a model: whole numbers, floats, booleans and text.
_SERVED = {"bigint": "INT8", "double": "FLOAT8", "decimal": "FLOAT8", "boolean": "BOOLEAN"}


def serving_query(view: CompiledView, features: Sequence[str]) -> str:
    """SELECT of the features in order, then features_as_of and materialization.

    Parameters (psycopg style): %(key)s and, where a feature needs it, %(as_of)s, a timestamptz.
    """
    columns = [
        f"{_served(view, view.feature(name))} AS {POSTGRES.quote(name)}" for name in features
    ]
    columns += [names.FEATURES_AS_OF, names.MATERIALIZATION]
    relation = f"{POSTGRES.quote(names.ONLINE_SCHEMA)}.{POSTGRES.quote(view.view.name)}"
    return f"SELECT {', '.join(columns)} FROM {relation} WHERE {POSTGRES.quote(view.key)} = %(key)s"


def _served(view: CompiledView, feature: CompiledFeature) -> str:
    sql = POSTGRES.quote(feature.name) if feature.kind != "request" else _request(view, feature)
    return f"CAST({sql} AS {_driver_type(feature.datatype)})"


def _request(view: CompiledView, feature: CompiledFeature) -> str:
    """The expression over the latest known values of its columns, at the request's instant."""
    tree = feature.tree.copy()
    types = dict(view.types)
    for column in list(tree.find_all(exp.Column)):
        if column.name != names.AS_OF:
            stored = names.input_column(column.name)
            types[stored] = types[column.name]
            column.set("this", exp.to_identifier(stored))
    # Only literals can hold a percent sign or our parameter's spelling; escape before inserting.
    sql = POSTGRES.render(tree, types).replace("%", "%%")
    return sql.replace(POSTGRES.quote(names.AS_OF), "CAST(%(as_of)s AS TIMESTAMPTZ)")


def _driver_type(datatype: DataType) -> str:
    return "TEXT" if datatype == STRING else _SERVED.get(datatype.kind, datatype.kind.upper())
