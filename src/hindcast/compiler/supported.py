"""What expressions may hold, and what is wrong with all else."""

from sqlglot import exp

from hindcast.compiler import functions
from hindcast.compiler.aggregates import AGGREGATES, NAMES
from hindcast.compiler.calls import MOST_BACK

SCALARS = (exp.Coalesce, exp.Nullif, exp.Abs, exp.Greatest, exp.Least, exp.Cast)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Like)
_OPERATORS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg, exp.And, exp.Or, exp.Not, exp.Is)
_STRUCTURE = (exp.Paren, exp.Case, exp.If, exp.Literal, exp.Boolean, exp.Null, exp.Column,
              exp.Identifier, exp.Star, exp.Distinct)  # fmt: skip
# What only stands inside of others, and is looked at with them.
_PARTS = (exp.DataType, exp.DataTypeParam, exp.Var)
_ALLOWED = (*NAMES, *functions.CLASSES, *_PARTS, *SCALARS, *_COMPARISONS, *_OPERATORS, *_STRUCTURE)

SUPPORTED = (
    f"{', '.join(each.call for each in AGGREGATES)}, filter (where ...), coalesce, nullif, abs, "
    f"greatest, least, case, cast, {', '.join(each.name for each in functions.FUNCTIONS)}, "
    "+ - * /, comparisons, in, between, like, is null, and, or, not"
)
# What others call it -> how it is said here.
_INSTEAD = {
    "like": "= or substr(x, from, count)",
    "column": "the column's name alone",
    "date_diff": "days_between(a, b) or another ..._between",
    "datediff": "days_between(a, b) or another ..._between",
    "date_part": "year(t), month(t), day(t), day_of_week(t) or hour(t)",
    "extract": "year(t), month(t), day(t), day_of_week(t) or hour(t)",
    "weekday": "day_of_week(t)",
    "mod": "x - floor(x / n) * n",
    "intdiv": "floor(x / n)",
    "pow": "x * x, or exp(y * ln(x))",
    "log": "ln(x), or ln(x) / ln(10)",
    "ilike": "lower(x) like lower(y)",
    "percentilecont": "quantile(x, q)",
    "percentiledisc": "quantile(x, q)",
    "approxquantile": "quantile(x, q)",
    "approxdistinct": "count(distinct x)",
    "stddevsamp": "stddev(x)",
    "stddevpop": "stddev(x)",
    "variancepop": "variance(x)",
    "trycast": "cast(x as type), which is null where it does not fit",
    "anyvalue": "first(x) or last(x)",
    "firstvalue": "first(x)",
    "lastvalue": "last(x)",
    "currentdate": "as_of, the instant of the question",
    "currenttimestamp": "as_of, the instant of the question",
    "now": "as_of, the instant of the question",
    "countif": "count(*) filter (where ...)",
    "if": "case when ... then ... else ... end",
    "interval": "days_between(a, b) > n, or a window such as prior(days=n)",
}


def problem(node: exp.Expr) -> tuple[str, str] | None:
    """What is wrong with one node of a tree, and how else to say it; None where nothing is."""
    reason = _reason(node)
    if reason is None:
        return None
    name = str(node.this) if isinstance(node, exp.Anonymous) else node.key
    instead = _INSTEAD.get(name.lower())
    return reason, f"use {instead}" if instead else f"supported: {SUPPORTED}"


def _reason(node: exp.Expr) -> str | None:
    function = functions.of(node)
    if function is not None:
        return functions.problem(node, function)
    if isinstance(node, exp.Anonymous):
        return f"unknown function '{str(node.this).lower()}'"
    if isinstance(node, exp.Column) and node.table:
        return f"'{node.sql()}' has a table name"
    if isinstance(node, (exp.Star, exp.Distinct)) and not isinstance(node.parent, exp.Count):
        return f"'{_text(node)}' outside count()"
    if isinstance(node, exp.Like) and "\\" in node.expression.sql():
        return "a backslash in LIKE does not mean the same everywhere"
    is_alone = isinstance(node, exp.If) and not isinstance(node.parent, exp.Case)
    if type(node) not in _ALLOWED or is_alone:
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


def _text(node: exp.Expr) -> str:
    return node.sql(dialect="duckdb")
