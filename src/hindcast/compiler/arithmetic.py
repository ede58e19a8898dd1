"""Arithmetic that never fails, alike in every engine.

Whole numbers beyond 64 bits are null. Doubles follow IEEE 754: beyond their range they are
infinite, and a feature that is not finite is null. Sums of decimals are exact to 38 digits, and
null beyond.
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
    """Two whole numbers with +, - or * between them; null beyond 64 bits."""
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


def halves(engine: str, sql: str) -> tuple[str, str]:
    """The upper and the lower digits of a wide decimal as whole numbers, to be summed apart."""
    if engine == "spark":
        number = f"CAST(REPLACE(CAST({sql} AS STRING), '.', '') AS DECIMAL({DIGITS}, 0))"
        lower = f"({number} % {_HALF})"
        return f"CAST(({number} - {lower}) / {_HALF} AS DECIMAL(19, 0))", lower
    number = f"CAST(REPLACE(CAST({sql} AS VARCHAR), '.', '') AS HUGEINT)"
    return f"({number} // {_HALF})", f"({number} % {_HALF})"


def joined(engine: str, upper: str, lower: str, scale: int) -> str:
    """The decimal of two sums of halves; null where it has more than 38 digits."""
    if engine == "spark":
        total = f"try_add(try_multiply({upper}, {_HALF}), {lower})"
    else:
        total = f"TRY({upper} * {_HALF} + {lower})"
    # As text the point can be set where it belongs, which no engine's division does exactly.
    digits = f"LPAD(CAST(ABS({total}) AS VARCHAR(40)), 40, '0')"
    sign = f"CASE WHEN {total} < 0 THEN '-' ELSE '' END"
    point = 40 - scale
    text = f"{sign} || SUBSTR({digits}, 1, {point}) || '.' || SUBSTR({digits}, {point + 1})"
    return f"TRY_CAST({text} AS DECIMAL({DIGITS}, {scale}))"
