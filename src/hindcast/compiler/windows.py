"""Features -> window calls: which argument columns are needed, and which windows over them."""

from collections.abc import Callable

from sqlglot import exp

from hindcast import names
from hindcast.compiler import arithmetic, calls, digits, frames
from hindcast.compiler.bounds import NTH, Bounds
from hindcast.compiler.dialects import Dialect
from hindcast.compiler.expressions import outside_aggregates
from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.compiler.frames import BEFORE
from hindcast.compiler.lossy import Lossy, unless
from hindcast.compiler.ordering import Ordering
from hindcast.compiler.typing import infer
from hindcast.datatypes import BIGINT, BOOLEAN, DOUBLE, DataType
from hindcast.definitions import Window, prior

# Of a window's column: as the row itself sees it, and not the first one of its instant.
_OWN = "_own"
# A whole number of 64 bits as a decimal.
_WHOLE = DataType("decimal", 19, 0)


class Windows:
    """Collects the columns that features need: arguments (_a0), places (_p0) and windows (_w0).

    Arguments are computed on events only and are null on spine rows, so that aggregates,
    which skip nulls, see events alone. counts_rows: whether the shape gives rows their bounds.
    """

    def __init__(
        self, view: CompiledView, dialect: Dialect, ordering: Ordering, counts_rows: bool
    ) -> None:
        self.view, self.dialect, self.ordering = view, dialect, ordering
        self.bounds, self._counts_rows = Bounds(), counts_rows
        self.order = ordering.order
        self._sees_ties = view.view.source.has_tiebreaker
        self._arguments: dict[str, str] = {}
        self._places: dict[str, str] = {}
        self._windows: dict[str, str] = {}
        self._ties: dict[str, str] = {}

    @property
    def slots(self) -> list[str]:
        """The names of the argument columns."""
        return list(self._arguments.values())

    def arguments(self) -> list[tuple[str, str]]:
        """The SQL over raw rows of each argument column, and the column's name."""
        return list(self._arguments.items())

    def places(self) -> list[str]:
        """Select items over the rows of events and spine, that windows are framed by."""
        return [f"{sql} AS {slot}" for sql, slot in self._places.items()]

    def selects(self) -> list[str]:
        """Select items over the rows of events and spine."""
        own = "" if self._sees_ties else _OWN
        return [f"{sql} AS {slot}{own}" for sql, slot in self._windows.items()]

    def shared(self) -> list[str]:
        """Select items over those: what an instant's first row sees, where none sees its ties."""
        if self._sees_ties:
            return []
        over = f"OVER (PARTITION BY {self.ordering.entity}, _at ORDER BY {self.ordering.within})"
        return [f"FIRST_VALUE({slot}{_OWN}) {over} AS {slot}" for slot in self._windows.values()]

    def tie_selects(self) -> list[str]:
        """Select items over the events that share their instant with another of their entity."""
        return [f"{sql} AS {slot}" for sql, slot in self._ties.items()]

    def value(self, feature: CompiledFeature, instant: str) -> str:
        """The feature's SQL over the window columns; `instant` is the row's own instant."""
        return self._value(feature, instant).sql

    def overflow(self, feature: CompiledFeature) -> str | None:
        """SQL of whether a stored feature is null for want of digits; None where it cannot be."""
        value = self._value(feature, self.dialect.from_micros("_at"))
        return " OR ".join(value.overflows) or None

    def _value(self, feature: CompiledFeature, instant: str) -> Lossy:
        """The feature over the window columns, in its type; a double is finite or null."""
        if feature.kind == "request":
            found = Lossy(self._request(feature, instant))
        else:
            found = self._latest(feature) if feature.kind == "latest" else self._prior(feature)
        sql = self.dialect.cast(found.sql, feature.datatype)
        if feature.datatype != DOUBLE:
            return Lossy(sql, found.overflows)
        finite = arithmetic.finite(self.dialect.name, sql)
        return Lossy(finite, (*found.overflows, f"({sql} IS NOT NULL AND {finite} IS NULL)"))

    def events_before(self) -> str:
        """How many events of the entity come before the row."""
        return self._merged("count", self._argument("1"), prior())

    def last_recorded(self) -> str:
        """When the last record of an event before the row was learned of."""
        return self._window(f"MAX(_recorded) {self._over(self.order, BEFORE)}")

    def _latest(self, feature: CompiledFeature) -> Lossy:
        argument = self._rendered(feature.tree)
        newest = self._narrowed(Lossy(self._last(argument)), feature.tree)
        overflows = self._overflows(feature.tree)
        if not overflows:
            return newest
        is_lost = f"CASE WHEN {overflows} THEN TRUE WHEN {argument} IS NOT NULL THEN FALSE END"
        return unless(f"COALESCE({self._last(is_lost)}, FALSE)", newest)

    def _last(self, sql: str) -> str:
        """The newest value before the row that is not null."""
        call = self.dialect.last_value(self._argument(sql))
        return self._window(f"{call} {self._over(self.order, BEFORE)}")

    def _request(self, feature: CompiledFeature, instant: str) -> str:
        inputs = {each.name: self.value(each, instant) for each in self.view.inputs_of(feature)}
        columns = {**inputs, names.AS_OF: instant}
        return self.dialect.render(feature.tree, self.view.input_types, columns)

    def _prior(self, feature: CompiledFeature) -> Lossy:
        """Replace each aggregate by its window column, and render what stands around them."""
        tree, aggregates = outside_aggregates(feature.tree)
        types = {name: infer(node, self.view.types) for name, node in aggregates.items()}
        window = feature.window or prior()
        found = {name: self._aggregate(node, window) for name, node in aggregates.items()}
        computed = {name: self.dialect.cast(each.sql, types[name]) for name, each in found.items()}
        value = self.dialect.render(tree, types, computed)
        outside = self.dialect.overflows(tree, types, computed)
        inside = [sql for each in found.values() for sql in each.overflows]
        return Lossy(value, (*inside, *(f"({value} IS NULL AND {sql})" for sql in outside)))

    def _aggregate(self, node: exp.Expression, window: Window) -> Lossy:
        """One aggregate over the window; null where a row's own arithmetic overflows."""
        if isinstance(node, (exp.Sum, exp.Avg)):
            found = self._added(node, window)
        else:
            found = self._narrowed(Lossy(self._found(node, window)), node)
        overflows = self._overflows(node)
        if not overflows:
            return found
        lost = self._merged("count", self._argument(f"CASE WHEN {overflows} THEN 1 END"), window)
        return unless(f"{lost} > 0", found)

    def _found(self, node: exp.Expression, window: Window) -> str:
        if isinstance(node, exp.Lag):
            return self._lag(node, window)
        if isinstance(node.this, exp.Star):
            return self._merged("count", self._argument("1"), window)
        if type(node) in calls.MERGED and not isinstance(node.this, exp.Distinct):
            slot = self._argument(self._rendered(node.this))
            return self._merged(calls.MERGED[type(node)], slot, window)
        return self._called(node, calls.Frame(self.dialect.name, self._framed(window)))

    def _called(self, node: exp.Expression, frame: calls.Frame) -> str:
        """An aggregate that needs all events of its window in one frame."""
        if isinstance(node.this, exp.Distinct):
            value = node.this.expressions[0]
            return calls.distinct(frame, self._argument(self._one_zero(value)))
        sql = self._rendered(node.this)
        if isinstance(node, calls.IN_DOUBLES):
            sql = self.dialect.cast(sql, DOUBLE)
        slot = self._argument(sql)
        if isinstance(node, exp.Quantile):
            return calls.quantile(frame, slot, calls.share_of(node))
        return calls.CALLS[type(node)](frame, slot)

    def _lag(self, node: exp.Lag, window: Window) -> str:
        """The value of the n-th newest event, of those that meet the condition of its filter."""
        condition, offset = node.args.get("default"), node.args.get("offset")
        is_counted = self._rendered(condition) if condition is not None else "TRUE"
        number = self._number(f"CASE WHEN {is_counted} THEN 1 END")
        over = self._over(number, frames.nth_newest(int(offset.this) if offset else 1))

        def found(sql: str) -> str:
            # One event alone is in the frame; the greatest value of it is its value.
            slot = self._argument(f"CASE WHEN {is_counted} THEN {sql} END")
            return self._window(f"MAX({slot}) {over}")

        value = found(self._rendered(node.this))
        if window.length is None:
            return value
        event_timestamp = self.dialect.quote(self.view.view.source.event_timestamp)
        happened = found(self.dialect.epoch_micros(event_timestamp))
        return f"CASE WHEN {happened} >= _at - {frames.micros(window.length)} THEN {value} END"

    def _added(self, node: exp.Expression, window: Window) -> Lossy:
        """A sum, or an average as a sum and a count."""
        sql, datatype = self._addend(node.this)
        total = self._sum(sql, datatype, window)
        if isinstance(node, exp.Sum):
            return total
        count = self._merged("count", self._argument(sql), window)
        return Lossy(f"CAST({total.sql} AS DOUBLE) / NULLIF({count}, 0)", total.overflows)

    def _rendered(self, node: exp.Expression) -> str:
        """An argument over raw rows; its whole numbers have all the digits that there are."""
        return self.dialect.render(node, self.view.types, whole=digits.WIDE)

    def _overflows(self, node: exp.Expression) -> str:
        """SQL over raw rows of whether those digits are too few; empty where they never are."""
        return " OR ".join(self.dialect.overflows(node, self.view.types, whole=digits.WIDE))

    def _narrowed(self, found: Lossy, node: exp.Expression) -> Lossy:
        """A whole number in 64 bits again, where it was reckoned in more."""
        types = self.view.types
        if infer(node, types) != BIGINT or digits.carrier(node, types) == BIGINT:
            return found
        narrow = f"TRY_CAST({found.sql} AS BIGINT)"
        return Lossy(narrow, (*found.overflows, f"({found.sql} IS NOT NULL AND {narrow} IS NULL)"))

    def _one_zero(self, node: exp.Expression) -> str:
        """A value to be told from others; doubles have two zeros."""
        sql = self._rendered(node)
        return f"({sql} + 0.0)" if infer(node, self.view.types) == DOUBLE else sql

    def _addend(self, node: exp.Expression) -> tuple[str, DataType]:
        """What is summed, and its type: whole numbers and conditions as decimals."""
        sql, datatype = self._rendered(node), infer(node, self.view.types)
        if datatype not in (BIGINT, BOOLEAN):
            return sql, datatype
        carried = digits.carrier(node, self.view.types)
        if carried == BIGINT:
            return self.dialect.cast(self.dialect.cast(sql, BIGINT), _WHOLE), _WHOLE
        return self.dialect.cast(sql, carried), carried

    def _sum(self, sql: str, datatype: DataType, window: Window) -> Lossy:
        if not arithmetic.may_overflow(datatype):
            return Lossy(self._merged("sum", self._argument(sql), window))
        halves = arithmetic.halves(self.dialect.name, sql, datatype.scale)
        upper, lower = (self._merged("sum", self._argument(half), window) for half in halves)
        total = arithmetic.joined(self.dialect.name, upper, lower, datatype.scale)
        return Lossy(total, (f"({lower} IS NOT NULL AND {total} IS NULL)",))

    def _merged(self, name: str, slot: str, window: Window) -> str:
        """An aggregate over prior(); with a length, the earlier instants and the row's ties merged.

        A RANGE frame over instants cannot end inside a group of ties, so these get their own.
        """
        call = f"{name.upper()}({slot})"
        if window.last is not None:
            return self._window(f"{call} {self._over(self._step(), frames.newest(window.last))}")
        if window == prior():
            return self._window(f"{call} {self._over(self.order, BEFORE)}")
        earlier = self._window(f"{call} {self._of_length(window)}")
        if window.ending or not self._sees_ties:
            return earlier
        ties = self._tie(f"{call} {self._over(self.ordering.within, BEFORE, by=', _at')}")
        if name == "count":
            return f"({earlier} + COALESCE({ties}, 0))"
        if name == "sum":
            return f"COALESCE({earlier} + {ties}, {earlier}, {ties})"
        return f"{'LEAST' if name == 'min' else 'GREATEST'}({earlier}, {ties})"

    def _of_length(self, window: Window) -> str:
        if self._counts_rows:
            return self._over(NTH, self.bounds.frame(window))
        return self._over("_at", frames.of_instants(window))

    def _framed(self, window: Window) -> Callable[[str], str]:
        """What makes a column of a call over all events of the window, in their order."""
        over = self._over(self.order, BEFORE)
        if window.last is not None:
            over = self._over(self._step(), frames.newest(window.last))
        elif window != prior():
            place = self._place(
                frames.place(self.dialect, self.ordering.entity, self.ordering.within)
            )
            over = self._over(place, frames.of_places(self.dialect, window))
        return lambda call: self._window(f"{call} {over}")

    def _number(self, counted: str) -> str:
        """How many of the entity's events come before the row, as a column to frame by."""
        return self._place(f"COUNT({self._argument(counted)}) {self._over(self.order, BEFORE)}")

    def _step(self) -> str:
        """The row's place among the entity's events and rows between them, as a column."""
        event = self._argument("1")
        number = f"COUNT({event}) {self._over(self.order, BEFORE)}"
        rows = f"OVER (PARTITION BY {self.ordering.entity} ORDER BY {self.order})"
        return self._place(frames.step(number, event, rows))

    def _over(self, order: str, frame: str, by: str = "") -> str:
        return f"OVER (PARTITION BY {self.ordering.entity}{by} ORDER BY {order} {frame})"

    def _argument(self, sql: str) -> str:
        return self._arguments.setdefault(sql, f"_a{len(self._arguments)}")

    def _place(self, sql: str) -> str:
        return self._places.setdefault(sql, f"_p{len(self._places)}")

    def _tie(self, sql: str) -> str:
        return self._ties.setdefault(sql, f"_t{len(self._ties)}")

    def _window(self, sql: str) -> str:
        return self._windows.setdefault(sql, f"_w{len(self._windows)}")
