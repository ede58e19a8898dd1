"""A value of a file -> SQL that has it in the declared type, or null where it is none."""

from hindcast.compiler.quoting import literal
from hindcast.datatypes import DOUBLE, DataType
from hindcast.definitions.formats import Values

# Decimals that an epoch's number has down to a microsecond.
_EPOCH_SCALES = {"s": 6, "ms": 3, "us": 0}
# The years that Python has, in microseconds since 1970; an event at the very last one is before
# no instant that anybody can ask about.
_FIRST_MICRO, _LAST_MICRO = -62_135_596_800_000_000, 253_402_300_799_999_998
_LAST = {"date": "9999-12-31", "timestamp": "9999-12-31 23:59:59.999998"}
_LONG_NAMES = {"TIMESTAMPTZ": "TIMESTAMPWITHTIMEZONE"}


def given(column: str, found: str, form: Values) -> str:
    """A value as the file has it, null where it is one of the format's words for null."""
    if found != "VARCHAR" or not form.nulls:
        return column
    words = ", ".join(literal(word) for word in form.nulls)
    return f"(CASE WHEN {column} NOT IN ({words}) THEN {column} END)"


def parsed(column: str, kind: DataType, found: str, form: Values) -> str:
    """A value of the declared type, null where the text is not one; nothing is rounded.

    found: the type that DuckDB reads. form: how the file writes values.
    """
    if kind.is_array:
        return _array(column, kind, found)
    is_text = found == "VARCHAR"
    if kind.kind == "timestamp" and form.epoch and not found.startswith(("TIMESTAMP", "DATE")):
        return _since_1970(column, found, _EPOCH_SCALES[form.epoch])
    written = {"date": form.dates, "timestamp": form.timestamps}.get(kind.kind)
    if is_text and written:
        instant = f"TRY_STRPTIME({column}, {literal(written)})"
        cast = f"CAST({instant} AS {kind.sql('duckdb')})"
        return _within_years(cast, kind, _has_micros(column) if kind.kind == "timestamp" else "")
    if is_text and form.decimal == "," and kind.kind in ("bigint", "double", "decimal"):
        # A point would be one between thousands, which is not read.
        column = f"(CASE WHEN NOT contains({column}, '.') THEN replace({column}, ',', '.') END)"
    return _plain(column, kind, found)


def is_list(found: str) -> bool:
    """Whether a type of DuckDB's holds lists of plain values, which an array may be read from."""
    return found.endswith("]") and "]" not in _element(found)


def refusal(name: str, column: str, kind: DataType, found: str, form: Values) -> str:
    """SQL of the reason why a value is not of the declared type."""
    if kind.is_array:
        return _array_refusal(name, column, kind, found)
    start, fault = literal(f"{name} '"), literal(f"' is not a {described(kind, form)}")
    return f"{start} || {column} || {fault}"


def described(kind: DataType, form: Values) -> str:
    """What a value of a type should have looked like, for people."""
    if kind.kind == "timestamp" and form.epoch:
        return f"timestamp ({form.epoch} since 1970)"
    comma = " with a decimal comma" if form.decimal == "," else ""
    return {
        "bigint": "whole number",
        "double": f"finite number{comma}",
        "decimal": f"{kind}{comma}",
        "date": f"date ({form.dates or 'YYYY-MM-DD'})",
        "timestamp": f"timestamp ({form.timestamps or 'ISO 8601 to the microsecond'})",
    }.get(kind.kind, str(kind))


def _array(column: str, kind: DataType, found: str) -> str:
    """A list of the declared length whose elements are all finite numbers, else null."""
    numbers = _numbers(column, found)
    is_whole = f"len({numbers}) = {kind.size} AND list_count({numbers}) = {kind.size}"
    return f"CASE WHEN {is_whole} THEN {numbers} END"


def _numbers(column: str, found: str) -> str:
    """The elements as numbers, in their places; those that are none are null."""
    number = _plain("_each", DOUBLE, _element(found))
    return f"list_transform({_elements(column, found)}, lambda _each: {number})"


def _elements(column: str, found: str) -> str:
    """The elements as the file has them; null where it has no list."""
    return f"TRY_CAST({column} AS VARCHAR[])" if found == "VARCHAR" else column


def _element(found: str) -> str:
    """The type of the elements of a type of DuckDB's; those of a text are text."""
    return "VARCHAR" if found == "VARCHAR" else found[: found.rindex("[")]


def _array_refusal(name: str, column: str, kind: DataType, found: str) -> str:
    """The reason names the length or the first element that is wrong, not the whole array."""
    elements = _elements(column, found)
    is_none = f"list_transform({_numbers(column, found)}, lambda _each: _each IS NULL)"
    place = f"list_position({is_none}, TRUE)"
    element = f"CAST(({elements})[{place}] AS VARCHAR)"
    shown = f"COALESCE('''' || {element} || '''', 'null')"
    has, no_list = literal(f"{name} has "), literal(f"{name} is not a list such as [0.1, 0.2]")
    return (
        f"CASE WHEN {elements} IS NULL THEN {no_list} WHEN len({elements}) <> {kind.size} "
        f"THEN {has} || len({elements}) || ' numbers, not {kind.size}' ELSE {has} || {shown} "
        f"|| ' at place ' || {place} || ', which is not a finite number' END"
    )


def _since_1970(column: str, found: str, scale: int) -> str:
    """An instant from a number; null beyond the years that Python has, or below a microsecond."""
    number = _plain(column, DataType("decimal", 38, scale), found)
    micros = f"TRY_CAST({number} * {10**scale} AS BIGINT)"
    years = f"BETWEEN {_FIRST_MICRO} AND {_LAST_MICRO}"
    return f"CASE WHEN {micros} {years} THEN make_timestamptz({micros}) END"


def _plain(column: str, kind: DataType, found: str) -> str:
    """A value of the declared type, written as SQL writes it."""
    target = kind.sql("duckdb")
    if kind.kind == "double":
        cast = column if found == "DOUBLE" else f"TRY_CAST({column} AS DOUBLE)"
        # The cast alone would take 1_0 and +-5 for numbers.
        odd = f"(contains({column}, '_') OR contains({column}, '+-'))"
        written = "" if found != "VARCHAR" else f" AND NOT {odd}"
        return f"CASE WHEN isfinite({cast}){written} THEN {cast} END"
    is_same = found.replace(" ", "") in (target, _LONG_NAMES.get(target, target))
    text = column if found == "VARCHAR" else f"CAST({column} AS VARCHAR)"
    cast = column if is_same else f"TRY_CAST({text} AS {target})"
    if kind.kind in ("date", "timestamp"):
        exact = _has_micros(text) if kind.kind == "timestamp" else _whole_day(column, found)
        if found == "VARCHAR":  # A word that the cast takes for 1970.
            exact = f"trim({column}) NOT ILIKE 'epoch' AND {exact}"
        return _within_years(cast, kind, "" if is_same else exact)
    if not is_same and kind.kind in ("bigint", "decimal"):
        # A CASE stops at the first that holds; an OR would evaluate all of them on every row.
        accepted = " ".join(f"WHEN {exact} THEN {cast}" for exact in _exact(kind, text, cast))
        return f"CASE {accepted} END"
    if kind.kind == "string" and found in ("DOUBLE", "FLOAT"):
        # Pandas makes doubles of whole numbers where one is missing; as text they are whole again.
        whole = f"{column} = trunc({column}) AND abs({column}) < 1e15"
        return f"CASE WHEN {whole} THEN CAST(CAST({column} AS BIGINT) AS VARCHAR) ELSE {cast} END"
    return cast


def _within_years(cast: str, kind: DataType, exact: str) -> str:
    """A date or instant of the years that Python has; text, Arrow and DuckDB can hold others.

    exact: a condition more, or nothing.
    """
    target = kind.sql("duckdb")
    years = f"{cast} BETWEEN {target} '0001-01-01' AND {target} '{_LAST[kind.kind]}'"
    return f"CASE WHEN {f'{exact} AND ' if exact else ''}{years} THEN {cast} END"


def _has_micros(text: str) -> str:
    """The condition under which an instant's text says nothing finer than a microsecond."""
    return f"(length({text}) <= 26 OR NOT regexp_matches({text}, '\\.\\d{{6}}\\d*[1-9]'))"


def _whole_day(column: str, found: str) -> str:
    """The condition under which a column of another type than date says a date and no more."""
    if found.startswith("TIMESTAMP"):
        # Pandas writes dates so; any other time of day would be lost.
        return f"CAST(CAST({column} AS DATE) AS TIMESTAMP) = {column}"
    return f"length(CAST({column} AS VARCHAR)) = 10"


def _exact(kind: DataType, text: str, cast: str) -> list[str]:
    """Conditions under which the cast of a number's text rounds nothing; the commonest first."""
    plain = f"NOT (contains({text}, 'e') OR contains({text}, 'E') OR contains({text}, '_'))"
    digits = f"length(rtrim(split_part({text}, '.', 2), '0 ')) <= {kind.scale}"
    if kind.kind == "bigint":
        # The cast alone would take 0x1F and 1_0 for numbers.
        number = f"regexp_full_match({text}, '\\s*[+-]?\\d*(\\.0*)?\\s*')"
        return [f"CAST({cast} AS VARCHAR) = {text}", number]
    short = f"strlen({text}) - instr({text}, '.') <= {kind.scale} AND {plain}"
    # A positive exponent only moves the point of a number that has none.
    whole = f"regexp_full_match({text}, '\\s*[+-]?\\d+([eE]\\+?\\d+)?\\s*')"
    return [short, f"{digits} AND {plain}", whole]
