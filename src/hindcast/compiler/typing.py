"""The type of an expression, inferred from the schema; what does not fit is a definition error."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from hindcast import names
from hindcast.compiler import casts, functions
from hindcast.datatypes import BIGINT, BOOLEAN, DOUBLE, STRING, TIMESTAMP, DataType
from hindcast.errors import DefinitionError

Types = Mapping[str, DataType]

_LOGICAL = (exp.And, exp.Or, exp.Not)
_TESTS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul)
_CHOICES = (exp.Coalesce, exp.Greatest, exp.Least)


def infer(node: exp.Expression, types: Types) -> DataType:
    """The node's type; raises DefinitionError where operands do not fit their operator."""
    if isinstance(node, exp.Column):
        return TIMESTAMP if node.name == names.AS_OF else types[node.name]
    for classes, rule in _RULES:
        if isinstance(node, classes):
            return rule(node, types)
    raise DefinitionError(f"'{_text(node)}' has no type by itself; use it together with a value")


def _literal(node: exp.Expression, types: Types) -> DataType:
    if node.is_string:
        return STRING
    if node.is_int and int(node.this) >= 2**63:
        raise DefinitionError(f"{node.this} does not fit 64 bits; write it as {node.this}.0")
    return BIGINT if node.is_int else DOUBLE


def _logical(node: exp.Expression, types: Types) -> DataType:
    for operand in (node.this, node.args.get("expression")):
        if operand is not None and not _is_null(operand):
            _expect(operand, types, infer(operand, types) == BOOLEAN, "a condition")
    return BOOLEAN


def _test(node: exp.Expression, types: Types) -> DataType:
    operands = [child for child in node.iter_expressions() if not _is_null(child)]
    common([infer(operand, types) for operand in operands], node)
    return BOOLEAN


def _like(node: exp.Expression, types: Types) -> DataType:
    for operand in (node.this, node.expression):
        _expect(operand, types, infer(operand, types) == STRING, "a string")
    return BOOLEAN


def _is(node: exp.Expression, types: Types) -> DataType:
    if not _is_null(node.expression):
        raise DefinitionError(
            f"'{_text(node)}': only IS NULL and IS NOT NULL are supported; compare with = instead"
        )
    infer(node.this, types)
    return BOOLEAN


def _arithmetic(node: exp.Expression, types: Types) -> DataType:
    kinds = [_operand(child, types) for child in (node.this, node.expression)]
    return BIGINT if kinds == [BIGINT, BIGINT] else DOUBLE


def _divide(node: exp.Expression, types: Types) -> DataType:
    for child in (node.this, node.expression):
        _operand(child, types)
    return DOUBLE


def _signed(node: exp.Expression, types: Types) -> DataType:
    return _operand(node.this, types)


def _nullif(node: exp.Expression, types: Types) -> DataType:
    kind = infer(node.this, types)
    common([kind, infer(node.expression, types)], node)
    return kind


def _choice(node: exp.Expression, types: Types) -> DataType:
    options = [child for child in (node.this, *node.expressions) if not _is_null(child)]
    return common([infer(option, types) for option in options], node)


def _case(node: exp.Expression, types: Types) -> DataType:
    results = [branch.args["true"] for branch in node.args["ifs"]]
    for branch in node.args["ifs"]:
        test = branch.this if node.this is None else exp.EQ(this=node.this, expression=branch.this)
        _expect(branch.this, types, infer(test, types) == BOOLEAN, "a condition")
    default = node.args.get("default")
    options = [option for option in (*results, default) if option and not _is_null(option)]
    return common([infer(option, types) for option in options], node)


def _count(node: exp.Expression, types: Types) -> DataType:
    counted = node.this.expressions if isinstance(node.this, exp.Distinct) else [node.this]
    for each in counted:
        if not isinstance(each, exp.Star):
            infer(each, types)
    return BIGINT


def _sum(node: exp.Expression, types: Types) -> DataType:
    kind = _number(node.this, types)
    return kind if kind == DOUBLE else DataType("decimal", 38, kind.scale)


def _measure(node: exp.Expression, types: Types) -> DataType:
    _operand(node.this, types)
    return DOUBLE


def _lag(node: exp.Expression, types: Types) -> DataType:
    condition = node.args.get("default")
    if condition is not None:
        _expect(condition, types, infer(condition, types) == BOOLEAN, "a condition")
    return infer(node.this, types)


def _any_or_all(node: exp.Expression, types: Types) -> DataType:
    _expect(node.this, types, infer(node.this, types) == BOOLEAN, "a condition")
    return BOOLEAN


def _average(node: exp.Expression, types: Types) -> DataType:
    _number(node.this, types)
    return DOUBLE


def _same(node: exp.Expression, types: Types) -> DataType:
    return infer(node.this, types)


def _function(node: exp.Expression, types: Types) -> DataType:
    function = functions.of(node)
    if function is None:
        raise DefinitionError(f"unknown function '{_text(node)}'")
    kinds = []
    for takes, argument in zip(function.takes, functions.arguments(node), strict=False):
        kinds.append(infer(argument, types))
        if takes != functions.WHOLE:
            _expect(argument, types, kinds[-1].kind in takes, f"a {' or '.join(takes)}")
    return function.result(kinds)


def _round(node: exp.Expression, types: Types) -> DataType:
    """A decimal of so many digits; without them, as any other function."""
    plain, digits = _function(node, types), node.args.get("decimals")
    if digits is None:
        return plain
    try:
        return casts.rounded(infer(node.this, types), int(digits.this))
    except DefinitionError as error:
        raise DefinitionError(f"'{_text(node)}': {error}") from error


def _cast(node: exp.Expression, types: Types) -> DataType:
    wanted = casts.target(node)
    if casts.literal(node) is None:
        problem = casts.problem(infer(node.this, types), wanted)
        if problem:
            raise DefinitionError(f"'{_text(node)}': {problem}")
    return wanted


def _number(node: exp.Expression, types: Types) -> DataType:
    kind = infer(node, types)
    _expect(node, types, kind.is_numeric, "a number")
    return BIGINT if kind == BOOLEAN else kind


def _operand(node: exp.Expression, types: Types) -> DataType:
    """The type of a number to reckon with; a condition is none, though sum and avg count it."""
    kind = infer(node, types)
    _expect(node, types, kind.is_numeric and kind != BOOLEAN, "a number")
    return kind


def common(kinds: list[DataType], node: exp.Expression) -> DataType:
    """The one type that holds all of `kinds`; raises DefinitionError if there is none."""
    distinct = set(kinds)
    if len(distinct) == 1:
        return kinds[0]
    if distinct and all(kind.is_numeric and kind != BOOLEAN for kind in distinct):
        return DOUBLE
    found = ", ".join(sorted(str(kind) for kind in distinct)) or "only nulls"
    raise DefinitionError(f"'{_text(node)}' mixes types ({found}); make them alike")


def _expect(node: exp.Expression, types: Types, fits: bool, wanted: str) -> None:
    if not fits:
        raise DefinitionError(f"'{_text(node)}' is {infer(node, types)}, not {wanted}")


def _is_null(node: exp.Expression) -> bool:
    return isinstance(node, exp.Null)


def _text(node: exp.Expression) -> str:
    return node.sql(dialect="duckdb")


_Rule = Callable[[exp.Expression, Types], DataType]
_RULES: list[tuple[type[exp.Expression] | tuple[type[exp.Expression], ...], _Rule]] = [
    (exp.Literal, _literal),
    (exp.Boolean, lambda node, types: BOOLEAN),
    (_LOGICAL, _logical),
    (_TESTS, _test),
    (exp.Like, _like),
    (exp.Is, _is),
    (_ARITHMETIC, _arithmetic),
    (exp.Div, _divide),
    ((exp.Neg, exp.Abs), _signed),
    (exp.Nullif, _nullif),
    (_CHOICES, _choice),
    (exp.Case, _case),
    (exp.Cast, _cast),
    (exp.Round, _round),
    (exp.Count, _count),
    (exp.Sum, _sum),
    (exp.Avg, _average),
    ((exp.Median, exp.Stddev, exp.Variance), _measure),
    ((exp.LogicalOr, exp.LogicalAnd), _any_or_all),
    (exp.Lag, _lag),
    ((exp.Min, exp.Max, exp.Quantile, exp.Mode, exp.First, exp.Last, exp.Paren), _same),
    ((*functions.CLASSES, exp.Anonymous), _function),
]
