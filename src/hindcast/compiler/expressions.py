"""Parse the SQL expressions of definitions, and refuse what the engines would not agree on."""

from collections.abc import Iterable

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError

from hindcast import names
from hindcast.errors import DefinitionError

AGGREGATES: dict[type[exp.Expression], str] = {
    exp.Count: "count",
    exp.Sum: "sum",
    exp.Avg: "avg",
    exp.Min: "min",
    exp.Max: "max",
}

# Functions of our own, lowered per engine: name -> number of arguments.
CALENDAR = {"years_between": 2, "days_between": 2}

_SCALARS = (exp.Coalesce, exp.Nullif, exp.Abs, exp.Greatest, exp.Least, exp.Length)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Like)
_OPERATORS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.And, exp.Or, exp.Not, exp.Is)
_STRUCTURE = (exp.Paren, exp.Case, exp.If, exp.Literal, exp.Boolean, exp.Null, exp.Column,
              exp.Identifier, exp.Star)  # fmt: skip
_ALLOWED = (*AGGREGATES, *_SCALARS, *_COMPARISONS, *_OPERATORS, *_STRUCTURE)

SUPPORTED = (
    "count, sum, avg, min, max, coalesce, nullif, abs, greatest, least, length, case, "
    "years_between, days_between, + - * /, comparisons, in, between, like, is null, and, or, not"
)


def parse(text: str, where: str) -> exp.Expression:
    """Parse one expression; raises DefinitionError naming `where`, the place and the fix."""
    try:
        tree = sqlglot.parse_one(f"SELECT {text}", dialect="duckdb")
    except ParseError as error:
        raise DefinitionError(f"{where}: {_syntax_error(error, text)}") from error
    except TokenError as error:
        raise DefinitionError(f"{where}: syntax error in '{text}': {error}") from error
    if not isinstance(tree, exp.Select) or len(tree.expressions) != 1 or _has_clauses(tree):
        raise DefinitionError(f"{where}: '{text}' must be one expression without a query around it")
    expression: exp.Expression = tree.expressions[0]
    _refuse_unsupported(expression, text, where)
    return expression


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
    return list(tree.find_all(*AGGREGATES))


def outside_aggregates(
    tree: exp.Expression,
) -> tuple[exp.Expression, dict[str, exp.Expression]]:
    """The tree with a column for each of its aggregates, and the aggregates by these columns."""
    found: dict[str, exp.Expression] = {}

    def name(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, tuple(AGGREGATES)):
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


def _has_clauses(tree: exp.Select) -> bool:
    return any(value for key, value in tree.args.items() if key not in ("kind", "expressions"))


def _refuse_unsupported(tree: exp.Expression, text: str, where: str) -> None:
    for node in tree.walk():
        problem = _problem(node)
        if problem:
            raise DefinitionError(f"{where}: {problem} in '{text}'; supported: {SUPPORTED}")


def _problem(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Anonymous):
        return _call_problem(node)
    if isinstance(node, exp.Column) and node.table:
        return f"'{node.sql()}' has a table name"
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Distinct):
        return "count(distinct ...) cannot run over a window"
    if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
        return "'*' outside count(*)"
    if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        return "'if' is spelled CASE WHEN ... THEN ... ELSE ... END"
    if isinstance(node, exp.Like) and "\\" in node.expression.sql():
        return "a backslash in LIKE does not mean the same everywhere"
    if type(node) not in _ALLOWED:
        return f"'{node.sql(dialect='duckdb')}' is not supported"
    if isinstance(node, tuple(AGGREGATES)) and len(list(node.iter_expressions())) != 1:
        return f"{node.key} takes one argument"
    nested = isinstance(node, tuple(AGGREGATES)) and node.find_ancestor(*AGGREGATES)
    return f"aggregate '{node.sql(dialect='duckdb')}' inside an aggregate" if nested else None


def _call_problem(node: exp.Anonymous) -> str | None:
    name = str(node.this).lower()
    if name not in CALENDAR:
        return f"unknown function '{name}'"
    if len(node.expressions) != CALENDAR[name]:
        return f"{name} takes {CALENDAR[name]} arguments, not {len(node.expressions)}"
    return None
