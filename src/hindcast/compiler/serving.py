"""The serving query: one SELECT in Postgres for a row and its request-time features."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from hindcast import names
from hindcast.compiler import arithmetic, expressions
from hindcast.compiler.dialects import POSTGRES
from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.compiler.typing import infer
from hindcast.datatypes import DOUBLE, DataType
from hindcast.definitions import ColdStart

# What the driver hands to a model: whole numbers, floats, booleans and text.
_SERVED = {
    "bigint": "INT8", "double": "FLOAT8", "decimal": "FLOAT8", "boolean": "BOOLEAN",
    "string": "TEXT", "timestamp": "TIMESTAMPTZ", "date": "DATE",
}  # fmt: skip


def serving_query(
    view: CompiledView, features: Sequence[str], cold_start: ColdStart = "refuse"
) -> str:
    """SELECT of the features in order, then features_as_of and materialization.

    cold_start: "refuse" gives no row for an unknown key; "answer" gives the features of an empty
    history, and before the last two columns _has_history, which tells whether the key is known.
    It reads the relation of this very version of the view, whatever the project declares later.
    Parameters (psycopg style): %(key)s and, where a feature needs it, %(as_of)s, a timestamptz.
    """
    version = names.online_relation(view.view.name, view.definition_hash)
    relation = f"{_quoted(names.ONLINE_SCHEMA)}.{_quoted(version)}"
    is_wanted = f"{_quoted(view.key)} = %(key)s"
    freshness = f"{names.FEATURES_AS_OF}, {names.MATERIALIZATION}"
    if cold_start == "refuse":
        columns = _columns(view, features, _stored)
        return f"SELECT {columns}, {freshness} FROM {relation} WHERE {is_wanted}"
    columns = _columns(view, features, _stored_or_empty)
    has_history = f"{_quoted(view.key)} IS NOT NULL AS {names.HAS_HISTORY}"
    # Every row of the relation says when it was made; an unknown key needs that too.
    freshest = f"made.{names.FEATURES_AS_OF}, made.{names.MATERIALIZATION}"
    return (
        f"SELECT {columns}, {has_history}, {freshest} "
        f"FROM (SELECT {freshness} FROM {relation} LIMIT 1) AS made "
        f"LEFT JOIN {relation} AS known ON {is_wanted}"
    )


_Spelling = Callable[[CompiledView, CompiledFeature], str]


def _columns(view: CompiledView, features: Sequence[str], stored: _Spelling) -> str:
    """Select items of the features; stored: the SQL of what the row holds."""
    return ", ".join(
        f"{_served(view, view.feature(name), stored)} AS {POSTGRES.quote(name)}"
        for name in features
    )


def _served(view: CompiledView, feature: CompiledFeature, stored: _Spelling) -> str:
    sql = _request(view, feature, stored) if feature.kind == "request" else stored(view, feature)
    return f"CAST({sql} AS {_driver_type(feature.datatype)})"


def _request(view: CompiledView, feature: CompiledFeature, stored: _Spelling) -> str:
    """The expression over the inputs stored in the row, at the request's instant."""
    columns = {each.name: stored(view, each) for each in view.inputs_of(feature)}
    columns[names.AS_OF] = "CAST(%(as_of)s AS TIMESTAMPTZ)"
    sql = POSTGRES.render(_escaped(feature.tree), view.input_types, columns)
    is_double = feature.datatype == DOUBLE
    return arithmetic.finite(POSTGRES.name, f"({sql})") if is_double else sql


def _stored(view: CompiledView, feature: CompiledFeature) -> str:
    return _quoted(feature.name)


def _stored_or_empty(view: CompiledView, feature: CompiledFeature) -> str:
    """What the row holds, or where there is none what an empty history gives."""
    if feature.kind == "latest":
        return _stored(view, feature)
    empty = _empty(view, feature)
    return f"CASE WHEN {_quoted(view.key)} IS NULL THEN {empty} ELSE {_stored(view, feature)} END"


def _empty(view: CompiledView, feature: CompiledFeature) -> str:
    """The expression over nothing: counts are 0, other aggregates null."""
    tree, aggregates = expressions.outside_aggregates(_escaped(feature.tree))
    types = {name: infer(node, view.types) for name, node in aggregates.items()}
    nothing = {
        name: POSTGRES.cast("0" if isinstance(node, exp.Count) else "NULL", types[name])
        for name, node in aggregates.items()
    }
    return POSTGRES.render(tree, types, nothing)


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
