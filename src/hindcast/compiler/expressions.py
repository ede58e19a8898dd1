"""Parse the SQL expressions of definitions, and refuse what the engines would not agree on."""

import logging
from collections.abc import Iterable, Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from hindcast import names
from hindcast.compiler import supported
from hindcast.compiler.aggregates import NAMES, filtered
from hindcast.datatypes import DataType
from hindcast.errors import DefinitionError

# What is not supported is refused in one line of our own, not warned of on another.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

# Whatever walks a tree calls itself at each of its levels, and Python ends that at a thousand.
DEEPEST = 150


def parse(text: str, where: str) -> exp.Expression:
    """Parse one expression; raises DefinitionError naming `where`, the place and the fix."""
    try:
        tree = sqlglot.parse_one(f"SELECT {text}", dialect="duckdb")
    except ParseError as error:
        raise DefinitionError(f"{where}: {_syntax_error(error, text)}") from error
    except TokenError as error:
        raise DefinitionError(f"{where}: syntax error in '{text}': {error}") from error
    except RecursionError as error:
        raise _too_deep(where, text) from error
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or _has_clauses(tree):
        raise DefinitionError(f"{where}: '{text}' must be one expression without a query around it")
    if any(lag.args.get("default") is not None for lag in tree.find_all(exp.Lag)):
        raise DefinitionError(
            f"{where}: lag in '{text}' has a default value, which is not supported; "
            "write coalesce(lag(x, n), value)"
        )
    if _depth(tree) > DEEPEST:
        raise _too_deep(where, text)
    expression = filtered(tree.expressions[0])
    _refuse_unsupported(expression, text, where)
    return expression


def _depth(tree: exp.Expr) -> int:
    level, depth = [tree], 0
    while level:
        level, depth = [child for node in level for child in node.iter_expressions()], depth + 1
    return depth


def _too_deep(where: str, text: str) -> DefinitionError:
    return DefinitionError(
        f"{where}: '{text[:60]}...' is nested deeper than can be compiled; split it into features"
    )


def _syntax_error(error: ParseError, text: str) -> str:
    first = error.errors[0]
    place = max(1, (first.get("col") or 0) - len("SELECT "))
    reason = str(first.get("description")).rstrip(".")
    if reason.startswith("Required keyword"):  # The parser's own classes mean nothing to a reader.
        reason = "something is missing before or after it"
    return f"syntax error in '{text}' at column {place}, near '{first.get('highlight')}': {reason}"


def columns(tree: exp.Expression) -> tuple[str, ...]:
    """The columns a tree reads, in order of first mention; as_of is not one."""
    mentioned = [column.name for column in tree.find_all(exp.Column, bfs=False)]
    return tuple(dict.fromkeys(name for name in mentioned if name != names.AS_OF))


def mentions_as_of(tree: exp.Expression) -> bool:
    """Whether a tree reads the instant of the request."""
    return any(column.name == names.AS_OF for column in tree.find_all(exp.Column))


def aggregates(tree: exp.Expression) -> list[exp.Expression]:
    """The aggregate calls of a tree, outermost first."""
    return list(tree.find_all(*NAMES))


def outside_aggregates(
    tree: exp.Expression,
) -> tuple[exp.Expression, dict[str, exp.Expression]]:
    """The tree with a column for each of its aggregates, and the aggregates by these columns."""
    found: dict[str, exp.Expression] = {}

    def name(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, tuple(NAMES)):
            return node
        column = f"_value{len(found)}"
        found[column] = node
        return exp.column(column)

    return tree.copy().transform(name), found


def require_columns(tree: exp.Expression, known: Iterable[str], text: str, where: str) -> None:
    """Raise DefinitionError for a column that the source's schema does not have."""
    schema = list(known)
    for name in columns(tree):
        if name not in schema:
            raise DefinitionError(
                f"{where}: unknown column '{name}' in '{text}'; the schema has {', '.join(schema)}"
            )


def require_no_arrays(
    tree: exp.Expression, types: Mapping[str, DataType], text: str, where: str, instead: str
) -> None:
    """Raise DefinitionError for an array that is not only asked whether it is null.

    instead: what to write.
    """
    for column in tree.find_all(exp.Column):
        kind = types.get(column.name)
        if kind and kind.is_array and not isinstance(column.parent, exp.Is):
            raise DefinitionError(
                f"{where}: '{text}' reads '{column.name}', an array ({kind}); an expression can "
                f"only test an array for null; {instead}"
            )


def _has_clauses(tree: exp.Select) -> bool:
    return any(value for key, value in tree.args.items() if key not in ("kind", "expressions"))


def _refuse_unsupported(tree: exp.Expression, text: str, where: str) -> None:
    for node in tree.walk():
        problem = supported.problem(node)
        if problem:
            raise DefinitionError(f"{where}: {problem[0]} in '{text}'; {problem[1]}")
