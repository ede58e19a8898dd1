"""The functions of definitions: how each is called, what it takes and what it gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from hindcast.datatypes import BIGINT, DOUBLE, STRING, DataType

# What date_trunc cuts off after.
UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute")
# Of an argument: a whole number that is written out.
WHOLE = ("whole",)
_PLACE = "a whole number of at least {least}, written out"


@dataclass(frozen=True)
class Function:
    """One function: how it is called, an example, and what it gives; null in, null out.

    node: its class in a tree, none where the parser does not know it. takes: the kinds that each
    argument may be of. result: its type, by those of its arguments.
    """

    name: str
    call: str
    example: str
    gives: str
    takes: tuple[tuple[str, ...], ...]
    result: Callable[[Sequence[DataType]], DataType]
    node: type[exp.Expression] | None = None


_TEXT = ("string",)
_NUMBER = ("bigint", "double", "decimal")
_DAY = ("date", "timestamp")


def _always(datatype: DataType) -> Callable[[Sequence[DataType]], DataType]:
    return lambda kinds: datatype


def _whole_or_double(kinds: Sequence[DataType]) -> DataType:
    return BIGINT if kinds[0] == BIGINT else DOUBLE


def _of_first(kinds: Sequence[DataType]) -> DataType:
    return kinds[0]


_TO_STRING, _TO_BIGINT, _TO_DOUBLE = map(_always, (STRING, BIGINT, DOUBLE))

FUNCTIONS = (
    Function("lower", "lower(x)", "lower(shop)", "the letters A to Z as a to z; others stay",
             (_TEXT,), _TO_STRING, exp.Lower),
    Function("upper", "upper(x)", "upper(shop)", "the letters a to z as A to Z; others stay",
             (_TEXT,), _TO_STRING, exp.Upper),
    Function("length", "length(x)", "length(shop)", "the number of characters",
             (_TEXT,), _TO_BIGINT, exp.Length),
    Function("substr", "substr(x, from, count)", "substr(shop, 1, 3)",
             "that many characters from that place on, the first is 1; without count, all",
             (_TEXT, WHOLE, WHOLE), _TO_STRING, exp.Substring),
    Function("year", "year(t)", "year(born)", "the year, in UTC", (_DAY,), _TO_BIGINT, exp.Year),
    Function("month", "month(t)", "month(born)", "the month from 1 to 12, in UTC",
             (_DAY,), _TO_BIGINT, exp.Month),
    Function("day", "day(t)", "day(born)", "the day of the month, in UTC",
             (_DAY,), _TO_BIGINT, exp.Day),
    Function("day_of_week", "day_of_week(t)", "day_of_week(born)",
             "1 for Monday to 7 for Sunday, in UTC", (_DAY,), _TO_BIGINT, exp.DayOfWeek),
    Function("hour", "hour(t)", "hour(seen_at)", "the hour from 0 to 23, in UTC",
             (("timestamp",),), _TO_BIGINT, exp.Hour),
    Function("date_trunc", "date_trunc(unit, t)", "date_trunc('month', born)",
             f"the start of its {' or '.join(UNITS)}, in UTC; weeks start on Monday",
             (_DAY,), _of_first, exp.TimestampTrunc),
    Function("years_between", "years_between(a, b)", "years_between(born, as_of)",
             "completed years by the calendar; null where a is later than b",
             (_DAY, _DAY), _TO_BIGINT),
    Function("days_between", "days_between(a, b)", "days_between(born, as_of)",
             "days from date to date; null where a is later than b", (_DAY, _DAY), _TO_BIGINT),
    Function("hours_between", "hours_between(a, b)", "hours_between(seen_at, as_of)",
             "completed hours; null where a is later than b", (_DAY, _DAY), _TO_BIGINT),
    Function("seconds_between", "seconds_between(a, b)", "seconds_between(seen_at, as_of)",
             "completed seconds; null where a is later than b", (_DAY, _DAY), _TO_BIGINT),
    Function("round", "round(x) or round(x, digits)", "round(amount, 1)",
             "the nearest whole number, or decimal of so many digits after its point; halves away "
             "from 0", (_NUMBER, WHOLE), _whole_or_double, exp.Round),
    Function("floor", "floor(x)", "floor(amount)", "the next whole number below",
             (_NUMBER,), _whole_or_double, exp.Floor),
    Function("ceil", "ceil(x)", "ceil(amount)", "the next whole number above",
             (_NUMBER,), _whole_or_double, exp.Ceil),
    Function("ln", "ln(x)", "ln(amount)", "the natural logarithm; null where x is not above 0",
             (_NUMBER,), _TO_DOUBLE, exp.Ln),
    Function("exp", "exp(x)", "exp(rate)", "e to the power of x; 0 below -708",
             (_NUMBER,), _TO_DOUBLE, exp.Exp),
    Function("sqrt", "sqrt(x)", "sqrt(amount)", "the square root; null where x is below 0",
             (_NUMBER,), _TO_DOUBLE, exp.Sqrt),
)  # fmt: skip

CLASSES = tuple(each.node for each in FUNCTIONS if each.node is not None)
_BY_CLASS: dict[type[exp.Expr], Function] = {each.node: each for each in FUNCTIONS if each.node}
# Those that the parser does not know.
NAMED = {each.name: each for each in FUNCTIONS if each.node is None}


def of(node: exp.Expr) -> Function | None:
    """The function that a node calls; None where it calls none of these."""
    if isinstance(node, exp.Anonymous):
        return NAMED.get(str(node.this).lower())
    return _BY_CLASS.get(type(node))


def arguments(node: exp.Expr) -> list[exp.Expression]:
    """What a call is given, in order; the unit of date_trunc is no argument but part of it."""
    if isinstance(node, exp.Anonymous):
        return list(node.expressions)
    given = (node.args.get(key) for key in node.arg_types if key != "unit")
    return [each for each in given if isinstance(each, exp.Expression)]


def unit(node: exp.Expr) -> str:
    """What date_trunc cuts off after, in lower case."""
    return str(node.args["unit"].this).lower()


def problem(node: exp.Expr, function: Function) -> str | None:
    """What is wrong with the number of arguments, or with those that are to be written out."""
    given, most = arguments(node), len(function.takes)
    least = sum(takes != WHOLE for takes in function.takes)
    least += function.node is exp.Substring
    if not least <= len(given) <= most:
        return f"{function.name} is called {function.call}"
    for number, (takes, each) in enumerate(zip(function.takes, given, strict=False)):
        if takes == WHOLE and not _is_place(each, least=2 - number):
            return f"{function.name} takes {_PLACE.format(least=2 - number)}"
    if function.node is exp.TimestampTrunc and unit(node) not in UNITS:
        return f"date_trunc takes one of {', '.join(UNITS)}"
    return None


def _is_place(node: exp.Expr, least: int) -> bool:
    return isinstance(node, exp.Literal) and node.is_int and least <= int(node.this) < 2**31
