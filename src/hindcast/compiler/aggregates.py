"""The aggregates of definitions, and what each gives of ties, of nulls and of an empty history."""

from dataclasses import dataclass

from sqlglot import exp


@dataclass(frozen=True)
class Aggregate:
    """One aggregate: how it is called, an example, and what it gives.

    name: the word for it in the names of stored columns. ties: what events or values that are alike
    give. nulls: what rows where the argument is null give. nothing: what no event gives.
    """

    node: type[exp.Expression]
    name: str
    call: str
    example: str
    gives: str
    ties: str
    nulls: str
    nothing: str


_EACH = "each counts"
_SKIPPED = "skipped"

AGGREGATES = (
    Aggregate(exp.Count, "count", "count(*)", "count(*)",
              "the number of events", _EACH, "counted", "0"),
    Aggregate(exp.Count, "count", "count(x)", "count(amount)",
              "the number of events with a value", _EACH, _SKIPPED, "0"),
    Aggregate(exp.Count, "count", "count(distinct x)", "count(distinct shop)",
              "the number of different values", "equal values count once", _SKIPPED, "0"),
    Aggregate(exp.Sum, "sum", "sum(x)", "sum(amount)",
              "the sum, exact for whole numbers and decimals; true is 1", _EACH, _SKIPPED, "null"),
    Aggregate(exp.Avg, "avg", "avg(x)", "avg(amount)",
              "the mean, a double; true is 1", _EACH, _SKIPPED, "null"),
    Aggregate(exp.Min, "min", "min(x)", "min(amount)",
              "the least value; text by its bytes", "the value", _SKIPPED, "null"),
    Aggregate(exp.Max, "max", "max(x)", "max(amount)",
              "the greatest value; text by its bytes", "the value", _SKIPPED, "null"),
    Aggregate(exp.Stddev, "stddev", "stddev(x)", "stddev(amount)",
              "the standard deviation of the sample, a double", _EACH, _SKIPPED,
              "null, as of one value"),
    Aggregate(exp.Variance, "variance", "variance(x)", "variance(amount)",
              "the variance of the sample, a double", _EACH, _SKIPPED, "null, as of one value"),
    Aggregate(exp.Median, "median", "median(x)", "median(amount)",
              "the middle value, or the mean of the two in the middle; a double", _EACH, _SKIPPED,
              "null"),
    Aggregate(exp.Quantile, "quantile", "quantile(x, q)", "quantile(amount, 0.9)",
              "the least value that at least the share q of the values do not exceed", _EACH,
              _SKIPPED, "null"),
    Aggregate(exp.Mode, "mode", "mode(x)", "mode(shop)",
              "the most frequent value", "of equally frequent ones the least", _SKIPPED, "null"),
    Aggregate(exp.First, "first", "first(x)", "first(shop)",
              "the value of the oldest event with one", "by the tiebreaker", _SKIPPED, "null"),
    Aggregate(exp.Last, "last", "last(x)", "last(shop)",
              "the value of the newest event with one", "by the tiebreaker", _SKIPPED, "null"),
    Aggregate(exp.Lag, "lag", "lag(x, n)", "lag(amount, 2)",
              "the value of the n-th newest event; lag(x) is lag(x, 1)", "by the tiebreaker",
              "null where that event has none", "null, as of fewer than n events"),
    Aggregate(exp.LogicalOr, "bool_or", "bool_or(x)", "bool_or(amount > 100)",
              "whether it was true of any event", "the value", _SKIPPED, "null"),
    Aggregate(exp.LogicalAnd, "bool_and", "bool_and(x)", "bool_and(amount > 100)",
              "whether it was true of all events", "the value", _SKIPPED, "null"),
)  # fmt: skip

NAMES = {each.node: each.name for each in AGGREGATES}


def filtered(tree: exp.Expression) -> exp.Expression:
    """The tree with each `aggregate(x) filter (where c)` as an aggregate of x where c holds.

    What the filter leaves out is null, which aggregates skip; lag, which counts events, keeps the
    condition as its third argument.
    """
    return tree.copy().transform(_without_filter)


def _without_filter(node: exp.Expression) -> exp.Expression:
    if not isinstance(node, exp.Filter) or type(node.this) not in NAMES:
        return node
    call: exp.Expression = node.this.copy()
    condition: exp.Expression = node.expression.this
    if isinstance(call, exp.Lag):
        call.set("offset", call.args.get("offset") or exp.Literal.number(1))
        call.set("default", condition.copy())
    elif isinstance(call.this, exp.Distinct):
        call.this.set("expressions", [_where(condition, each) for each in call.this.expressions])
    else:
        value = exp.Literal.number(1) if isinstance(call.this, exp.Star) else call.this
        call.set("this", _where(condition, value))
    return call


def _where(condition: exp.Expression, value: exp.Expression) -> exp.Expression:
    return exp.Case(ifs=[exp.If(this=condition.copy(), true=value.copy())])
