"""Arithmetic that never fails, alike in every engine.

Whole numbers beyond 64 bits are null; inside an aggregate, those beyond 38 digits. Doubles follow
IEEE 754: beyond their range they are infinite, and a feature that is not finite is null. Sums of
decimals are exact to 38 digits, and null beyond.
"""

from hindcast.datatypes import DOUBLE, DataType

# Digits that ten billion rows of a decimal add to its sum, and those that the engines have.
GROWTH = 10
DIGITS = 38

_TRY = {"+": "try_add", "-": "try_subtract", "*": "try_multiply"}
_LEAST, _GREATEST = -(2**63), 2**63 - 1
_LARGEST, _SMALLEST = "1.7976931348623157e308", "4.9406564584124654e-324"
_INFINITE = "SIGN(a) * SIGN(b) * CAST('Infinity' AS DOUBLE PRECISION)"

# Postgres raises where IEEE 754 says infinite or zero, so the case is told before it arises.
_POSTGRES = {
    "+": (
        f"CASE WHEN b >= 0 AND a > {_LARGEST} - b THEN 'Infinity' "
        f"WHEN b < 0 AND a < -{_LARGEST} - b THEN '-Infinity' ELSE a + b END"
    ),
    "*": (
        "CASE WHEN a = 0 OR b = 0 THEN a * b "
        f"WHEN ABS(b) >= 1 AND ABS(a) > {_LARGEST} / ABS(b) THEN {_INFINITE} "
        f"WHEN ABS(b) < 1 AND ABS(a) < {_SMALLEST} / ABS(b) THEN 0 ELSE a * b END"
    ),
    "/": (
        "CASE WHEN a = 0 THEN a / b "
        f"WHEN ABS(b) < 1 AND ABS(a) > {_LARGEST} * ABS(b) THEN {_INFINITE} "
        f"WHEN ABS(b) >= 1 AND ABS(a) < {_SMALLEST} * ABS(b) THEN 0 ELSE a / b END"
    ),
}  # fmt: skip


def whole(engine: str, sign: str, left: str, right: str) -> str:
    """Two whole numbers with +, - or * between them; null beyond their type."""
    if engine == "spark":
        return f"{_TRY[sign]}({left}, {right})"
    if engine == "duckdb":
        return f"TRY({left} {sign} {right})"
    return (
        f"(SELECT CAST(v AS BIGINT) FROM (SELECT CAST({left} AS NUMERIC) {sign} {right} AS v) "
        f"AS made WHERE v BETWEEN {_LEAST} AND {_GREATEST})"
    )


def real(engine: str, sign: str, left: str, right: str) -> str:
    """Two doubles with +, -, * or / between them; the divisor is not zero."""
    if engine != "postgres":
        return f"({left} {sign} {right})"
    if sign == "-":
        sign, right = "+", f"-({right})"
    return f"(SELECT {_POSTGRES[sign]} FROM (SELECT {left} AS a, {right} AS b) AS given)"


def finite(engine: str, sql: str) -> str:
    """A double, or null where it is infinite or not a number."""
    infinity = f"CAST('Infinity' AS {DOUBLE.sql(engine)})"
    # Every engine has NaN above infinity.
    return f"CASE WHEN ABS({sql}) < {infinity} THEN {sql} END"


def may_overflow(datatype: DataType) -> bool:
    """Whether a sum of so many digits may need more than a decimal has."""
    return datatype.kind == "decimal" and datatype.precision + GROWTH > DIGITS


_HALF = 10 ** (DIGITS // 2)
_UNIT = {"spark": "DECIMAL(1, 0)", "duckdb": "HUGEINT"}


def halves(engine: str, sql: str, scale: int) -> tuple[str, str]:
    """The upper and the lower digits of a wide decimal as whole numbers, to be summed apart."""
    text = {"spark": "STRING", "duckdb": "VARCHAR"}[engine]
    # Without its point the text is the whole number, which no engine's multiplication gives.
    whole = f"REPLACE(CAST({sql} AS {text}), '.', '')" if scale else sql
    if engine == "spark":
        return _divided(engine, f"CAST({whole} AS DECIMAL({DIGITS}, 0))")
    return _divided(engine, f"CAST({whole} AS HUGEINT)")


def joined(engine: str, upper: str, lower: str, scale: int) -> str:
    """The decimal of two sums of halves; null where it has more than 38 digits.

    What the lower sum has too much goes to the upper one, and a unit of that comes back: then every
    step has room where the result has, whatever the signs of the two.
    """
    surplus, rest = _divided(engine, lower)
    carried = f"({upper} + {surplus})"
    unit = f"CAST(SIGN({carried}) AS {_UNIT[engine]})"
    scaled = whole(engine, "*", f"({carried} - {unit})", str(_HALF))
    total = whole(engine, "+", scaled, f"({rest} + {unit} * {_HALF})")
    if not scale:
        return f"TRY_CAST({total} AS DECIMAL({DIGITS}, 0))"
    # As text the point can be set where it belongs, which no engine's division does exactly.
    digits = f"LPAD(CAST(ABS({total}) AS VARCHAR(40)), 40, '0')"
    sign = f"CASE WHEN {total} < 0 THEN '-' ELSE '' END"
    point = 40 - scale
    text = f"{sign} || SUBSTR({digits}, 1, {point}) || '.' || SUBSTR({digits}, {point + 1})"
    return f"TRY_CAST({text} AS DECIMAL({DIGITS}, {scale}))"


def _divided(engine: str, number: str) -> tuple[str, str]:
    """A whole number by half of all digits: the quotient towards zero, and what remains."""
    if engine == "spark":
        rest = f"({number} % {_HALF})"
        return f"CAST(({number} - {rest}) / {_HALF} AS DECIMAL(19, 0))", rest
    return f"({number} // {_HALF})", f"({number} % {_HALF})"
