"""What expressions may hold, and what is wrong with all else."""

from sqlglot import exp

from hindcast.compiler.aggregates import AGGREGATES, NAMES
from hindcast.compiler.calls import MOST_BACK

# Functions of our own, lowered per engine: name -> number of arguments.
CALENDAR = {"years_between": 2, "days_between": 2}

_SCALARS = (exp.Coalesce, exp.Nullif, exp.Abs, exp.Greatest, exp.Least, exp.Length)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Like)
_OPERATORS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.And, exp.Or, exp.Not, exp.Is)
_STRUCTURE = (exp.Paren, exp.Case, exp.If, exp.Literal, exp.Boolean, exp.Null, exp.Column,
              exp.Identifier, exp.Star, exp.Distinct)  # fmt: skip
_ALLOWED = (*NAMES, *_SCALARS, *_COMPARISONS, *_OPERATORS, *_STRUCTURE)

SUPPORTED = (
    f"{', '.join(each.call for each in AGGREGATES)}, filter (where ...), coalesce, nullif, abs, "
    "greatest, least, length, case, "
    "years_between, days_between, + - * /, comparisons, in, between, like, is null, and, or, not"
)


def problem(node: exp.Expr) -> str | None:
    """What is wrong with one node of a tree, in words that follow the definition's name."""
    if isinstance(node, exp.Anonymous):
        return _call_problem(node)
    if isinstance(node, exp.Column) and node.table:
        return f"'{node.sql()}' has a table name"
    if isinstance(node, (exp.Star, exp.Distinct)) and not isinstance(node.parent, exp.Count):
        return f"'{_text(node)}' outside count()"
    if isinstance(node, exp.If) and not isinstance(node.parent, exp.Case):
        return "'if' is spelled CASE WHEN ... THEN ... ELSE ... END"
    if isinstance(node, exp.Like) and "\\" in node.expression.sql():
        return "a backslash in LIKE does not mean the same everywhere"
    if type(node) not in _ALLOWED:
        return f"'{_text(node)}' is not supported"
    return _aggregate_problem(node) if isinstance(node, tuple(NAMES)) else None


def _aggregate_problem(node: exp.Expr) -> str | None:
    if node.find_ancestor(*NAMES):
        return f"aggregate '{_text(node)}' inside an aggregate"
    if isinstance(node, exp.Quantile):
        is_right, wanted = _is_share(node.args.get("quantile")), "a value and a share from 0 to 1"
    elif isinstance(node, exp.Lag):
        number = node.args.get("offset")
        is_right = number is None or _is_place(number)
        wanted = f"a value and n from 1 to {MOST_BACK}"
    else:
        is_right, wanted = _has_one_argument(node), "one argument"
    return None if is_right else f"{node.key} takes {wanted}"


def _has_one_argument(node: exp.Expr) -> bool:
    arguments = list(node.iter_expressions())
    if len(arguments) == 1 and isinstance(node.this, exp.Distinct):
        arguments = list(node.this.expressions)
    return len(arguments) == 1


def _is_share(node: object) -> bool:
    return isinstance(node, exp.Literal) and not node.is_string and 0 <= float(node.this) <= 1


def _is_place(node: object) -> bool:
    return isinstance(node, exp.Literal) and node.is_int and 1 <= int(node.this) <= MOST_BACK


def _call_problem(node: exp.Anonymous) -> str | None:
    name = str(node.this).lower()
    if name not in CALENDAR:
        return f"unknown function '{name}'"
    if len(node.expressions) != CALENDAR[name]:
        return f"{name} takes {CALENDAR[name]} arguments, not {len(node.expressions)}"
    return None


def _text(node: exp.Expr) -> str:
    return node.sql(dialect="duckdb")
