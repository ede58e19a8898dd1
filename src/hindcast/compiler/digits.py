"""How many digits the whole numbers of an expression may need, and where those there are may lack.

Decimals count too where they meet others: no engine has one type for more than 38 digits.
"""

from collections.abc import Iterable, Iterator

from sqlglot import exp

from hindcast.compiler.arithmetic import DIGITS
from hindcast.compiler.typing import Types, infer
from hindcast.datatypes import BIGINT, DataType

# Whole numbers inside an aggregate; one product of two 64-bit numbers always fits.
WIDE = DataType("decimal", DIGITS, 0)

_LARGEST_BIGINT = 2**63
_ROOM = {BIGINT: _LARGEST_BIGINT, WIDE: 10**DIGITS}
_OPERATIONS: tuple[type[exp.Expression], ...] = (exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Abs)
_CONDITIONS = (exp.Predicate, exp.Connector, exp.Not, exp.Boolean)
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)
_MEETINGS = (*_COMPARISONS, exp.Coalesce, exp.Greatest, exp.Least, exp.Nullif)


def largest(node: exp.Expression, types: Types) -> int:
    """No whole number that the expression gives is larger than this, nor its opposite."""
    if isinstance(node, exp.Literal) and node.is_int:
        return int(node.this)
    if isinstance(node, _CONDITIONS):
        return 1
    bounds = [largest(child, types) for child in node.iter_expressions()]
    if isinstance(node, exp.Mul):
        return bounds[0] * bounds[1]
    if isinstance(node, (exp.Paren, *_OPERATIONS)):
        return sum(bounds)
    return max([_LARGEST_BIGINT, *bounds])


def carrier(node: exp.Expression, types: Types) -> DataType:
    """The type that holds every whole number which the expression gives, as far as there is one."""
    if not any(too_large(node, types, BIGINT)):
        return BIGINT
    return DataType("decimal", min(len(str(largest(node, types))), DIGITS), 0)


def too_large(tree: exp.Expression, types: Types, whole: DataType) -> Iterator[exp.Expression]:
    """The operations on whole numbers, carried in type `whole`, whose result may not fit."""
    for node in operations(tree, types):
        if largest(node, types) >= _ROOM[whole]:
            yield node


def operations(tree: exp.Expression, types: Types) -> list[exp.Expression]:
    """Every +, -, * and abs of whole numbers in a tree."""
    found = tree.find_all(*_OPERATIONS)
    return [node for node in found if infer(node, types) == BIGINT]


def meetings(node: exp.Expression) -> list[list[exp.Expression]]:
    """The operands of a comparison or choice that the engines bring to one type, by groups."""
    if isinstance(node, exp.Case):
        branches = node.args["ifs"]
        results = [*(branch.args["true"] for branch in branches), node.args.get("default")]
        tested = [node.this, *(branch.this for branch in branches)] if node.this else []
        return [[each for each in results if each], tested]
    return [list(node.iter_expressions())] if isinstance(node, _MEETINGS) else []


def fit_together(operands: Iterable[exp.Expression], types: Types, whole: DataType) -> bool:
    """Whether one decimal holds all the whole numbers and decimals among the operands."""
    kinds = [_kind(each, types, whole) for each in operands if not isinstance(each, exp.Null)]
    widths = [_width(kind) for kind in kinds if kind == BIGINT or kind.kind == "decimal"]
    before, after = zip(*widths, strict=True) if widths else ((0,), (0,))
    most: int = max(before) + max(after)
    return most <= DIGITS


def _kind(node: exp.Expression, types: Types, whole: DataType) -> DataType:
    """The type of an operand, as it is carried."""
    kind = infer(node, types)
    return whole if kind == BIGINT and operations(node, types) else kind


def _width(kind: DataType) -> tuple[int, int]:
    """Digits before the point, and after it."""
    return (kind.precision - kind.scale, kind.scale) if kind.kind == "decimal" else (19, 0)
