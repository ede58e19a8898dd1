"""Callers' spines: keys and instants in the types of the one query, or the row that is wrong."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from hindcast import names
from hindcast.compiler.features import CompiledView
from hindcast.compiler.ordering import Ordering
from hindcast.compiler.service import CompiledService
from hindcast.compiler.statement import ASKED_AT, SPINE_ROW
from hindcast.datatypes import DataType
from hindcast.errors import InputError
from hindcast.formats.spine_file import Rows
from hindcast.instants import instant

INSTANT = pa.timestamp("us", tz="UTC")
# The instants that every engine and Python's datetime hold.
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Spine:
    """A caller's rows, checked: keys and values sent with a question by name, and instants.

    known_by, asked_at: null where a row does not say.
    """

    keys: Mapping[str, pa.Array]
    as_of: pa.Array
    known_by: pa.Array
    asked_at: pa.Array
    given: Mapping[str, pa.Array] = field(default_factory=dict)

    @property
    def evaluated_at(self) -> pa.Array:
        """When a row's request-time features are evaluated."""
        return pc.coalesce(self.asked_at, self.as_of)

    def relation(self, view: CompiledView, known_by: datetime | None = None) -> pa.Table:
        """The rows as the one query over a view reads them.

        known_by: of the rows that have none of their own; None is the row's instant where the
        source says when records were learned of, else everything recorded.
        """
        if known_by is None and view.view.source.recorded_at is None:
            known_by = _LAST
        default = self.as_of if known_by is None else pa.scalar(known_by, INSTANT)
        known = pc.coalesce(self.known_by, default)
        return typed(view, self.keys, self.as_of, known, self.asked_at)


def read(service: CompiledService, rows: Rows) -> Spine:
    """The rows of a spine for a service's question; raises InputError naming row and column."""
    _check_columns(service, rows)
    instant = _instant_name(rows)
    return Spine(
        keys=keys(service, rows),
        as_of=_instants(_column(rows, instant), rows, instant),
        known_by=_optional_instants(rows, names.KNOWN_BY),
        asked_at=_optional_instants(rows, ASKED_AT),
        given=given(service, rows),
    )


def typed(
    view: CompiledView,
    keys: Mapping[str, pa.Array],
    as_of: pa.Array,
    known_by: pa.Array,
    asked_at: pa.Array | None = None,
    tiebreakers: pa.Array | None = None,
    identity: Sequence[pa.Array] = (),
) -> pa.Table:
    """The query's relation `spine` of typed columns; null where one is not given.

    identity: of rows that are events, the key of their source's first entity, where the view is of
    another.
    """
    count, source = len(as_of), view.view.source
    columns = Ordering.of(view.view).identity
    kinds = [view.types[column].arrow() for column in source.key_columns(source.first)]
    firsts = identity or [pa.nulls(count, kind) for kind in kinds]
    tie = source.tie_type.arrow()
    return pa.table(
        {
            **{name: keys[name] for name in view.keys},
            **dict(zip(columns, firsts, strict=False)),
            names.AS_OF: as_of,
            names.TIEBREAKER: pa.nulls(count, tie) if tiebreakers is None else tiebreakers,
            names.KNOWN_BY: known_by,
            ASKED_AT: pa.nulls(count, INSTANT) if asked_at is None else asked_at,
            SPINE_ROW: np.arange(count, dtype=np.int64),
        }
    )


def _instant_name(spine: Rows) -> str:
    """The column with the instant that a row's features are as of."""
    choices = (names.AS_OF, names.EVENT_TIMESTAMP)
    found = [name for name in choices if name in spine.table.column_names]
    if not found:
        known = ", ".join(spine.table.column_names)
        raise InputError(
            f"{spine.name}: column '{names.AS_OF}' or '{names.EVENT_TIMESTAMP}' is missing; "
            f"there is {known}"
        )
    if len(found) > 1:
        raise InputError(
            f"{spine.name}: there are both columns '{names.AS_OF}' and '{names.EVENT_TIMESTAMP}'; "
            "leave the one that features are as of, and rename the other"
        )
    return found[0]


def _check_columns(service: CompiledService, spine: Rows) -> None:
    """No name twice, and none that a feature has, but for values that come with the question."""
    held = spine.table.column_names
    taken = set(service.names) - set(service.given)
    for position, name in enumerate(held):
        if name in held[:position]:
            raise InputError(f"{spine.name}: column '{name}' is there twice; rename one")
        if name in taken:
            raise InputError(
                f"{spine.name}: column '{name}' has the name of a feature of "
                f"'{service.name}'; rename the column"
            )


def _column(rows: Rows, name: str, is_required: bool = True) -> pa.Array:
    """A column in one piece, plain rather than encoded; raises InputError for a null in it."""
    if name not in rows.table.column_names:
        known = ", ".join(rows.table.column_names)
        raise InputError(f"{rows.name}: column '{name}' is missing; there is {known}")
    column = rows.table[name].combine_chunks()
    if types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if is_required and column.null_count:
        row = pc.index(pc.is_null(column), True).as_py()
        raise InputError(f"{rows.where(row)}: column '{name}' is empty; give it a value")
    return column


def _is_text(kind: pa.DataType) -> bool:
    return any(
        check(kind) for check in (types.is_string, types.is_large_string, types.is_string_view)
    )


def _is_number(kind: pa.DataType) -> bool:
    return any(check(kind) for check in (types.is_integer, types.is_floating, types.is_decimal))


# What a key of each type may also be given as; text may be any of them.
_GIVEN_AS: dict[str, Callable[[pa.DataType], bool]] = {
    "bigint": _is_number,
    "double": _is_number,
    "decimal": _is_number,
    "string": _is_text,
    "boolean": types.is_boolean,
    "date": types.is_date,
    "timestamp": types.is_temporal,
}


def keys(service: CompiledService, rows: Rows) -> dict[str, pa.Array]:
    """The key columns in their declared types; raises InputError naming the first that is none."""
    return {
        name: typed_column(rows, name, kind, "the key", name in service.required)
        for name, kind in service.keys.items()
    }


def given(service: CompiledService, rows: Rows) -> dict[str, pa.Array]:
    """The values sent with a question in their declared types; raises InputError as keys does."""
    return {
        name: typed_column(rows, name, kind, "the request value", is_required=False)
        for name, kind in service.given.items()
    }


def typed_column(
    rows: Rows, name: str, kind: DataType, what: str, is_required: bool = False
) -> pa.Array:
    """A column in its declared type; raises InputError naming the first value that is none."""
    column = _column(rows, name, is_required)
    if column.null_count == len(column):
        return pa.nulls(len(column), kind.arrow())
    if not (_is_text(column.type) or _GIVEN_AS[kind.kind](column.type)):
        raise InputError(
            f"{rows.name}: column '{name}' holds {column.type} values, and {what} is a {kind}; "
            "convert the column"
        )

    def refuse(row: int) -> InputError:
        value = column[row].as_py()
        return InputError(f"{rows.where(row)}: {name} {value!r} is not a {kind}; correct {what}")

    if kind.kind == "bigint" and _is_text(column.type):
        # Arrow would take 0x1F for a number, too.
        odd = pc.index(pc.match_substring_regex(column, "^-?[0-9]+$"), False).as_py()
        if odd >= 0:
            raise refuse(odd)
    if kind.kind == "string":
        # Postgres text cannot hold it, and so no entity has it.
        nul = pc.index(pc.match_substring(column, "\0"), True).as_py()
        if nul >= 0:
            raise refuse(nul)
    return _cast(column, kind.arrow(), refuse)


def _optional_instants(spine: Rows, name: str) -> pa.Array:
    """A column of instants that a spine may have; null where it does not say."""
    if name not in spine.table.column_names:
        return pa.nulls(spine.table.num_rows, INSTANT)
    return _instants(_column(spine, name, is_required=False), spine, name)


def _instants(column: pa.Array, rows: Rows, name: str) -> pa.Array:
    """Dates, timestamps or ISO text as instants; raises InputError naming the first that is none.

    An instant between two microseconds becomes the later one: what happened on the earlier one
    did happen before it.
    """

    def refuse(row: int) -> InputError:
        return InputError(f"{rows.where(row)}: {name} is out of range; use years 1 to 9999")

    if column.null_count == len(column):
        return pa.nulls(len(column), INSTANT)
    if _is_text(column.type):
        return _parsed(column, rows, name)
    if not (types.is_timestamp(column.type) or types.is_date(column.type)):
        raise InputError(
            f"{rows.name}: column '{name}' holds {column.type} values; give dates, timestamps or "
            "ISO 8601 text"
        )
    if types.is_timestamp(column.type) and column.type.unit == "ns":
        column = pc.ceil_temporal(column, unit="microsecond")
    instants = _cast(column, INSTANT, refuse)
    is_early = pc.less(instants, pa.scalar(_FIRST, INSTANT))
    is_outside = pc.or_(is_early, pc.greater(instants, pa.scalar(_LAST, INSTANT)))
    outside = pc.index(is_outside, True).as_py()
    if outside >= 0:
        raise refuse(outside)
    return instants


def _parsed(column: pa.Array, rows: Rows, name: str) -> pa.Array:
    """Text as instants; each text is read once, as a spine has few."""
    texts = pc.unique(column)
    found: list[datetime | None] = []
    for text in texts.to_pylist():
        try:
            found.append(instant(text, name) if text is not None else None)
        except (InputError, OverflowError) as error:
            row = pc.index(column, pa.scalar(text, column.type)).as_py()
            # An instant whose UTC date is before the year 1 overflows.
            reason = error if isinstance(error, InputError) else f"{name} '{text}': {error}"
            raise InputError(f"{rows.where(row)}: {reason}") from error
    return pa.array(found, INSTANT).take(pc.index_in(column, texts))


def _cast(column: pa.Array, kind: pa.DataType, refuse: Callable[[int], InputError]) -> pa.Array:
    """A cast that loses nothing; raises what `refuse` makes of the first row it cannot do."""

    def fails(row: int) -> bool:
        try:
            column.slice(0, row + 1).cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return True
        return False

    rows = range(len(column))
    if rows and fails(rows[-1]):
        raise refuse(bisect_left(rows, True, key=fails))
    return column.cast(kind)
