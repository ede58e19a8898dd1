"""The serving query: one SELECT in Postgres for the features of one question."""

import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import chain

from sqlglot import exp

from hindcast import names
from hindcast.compiler import arithmetic, derived, expressions
from hindcast.compiler.dialects import POSTGRES
from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.compiler.service import CompiledService
from hindcast.compiler.typing import infer
from hindcast.datatypes import ARRAY, DATE, DOUBLE
from hindcast.definitions import ColdStart

# What the driver hands to a model: whole numbers, floats, booleans, text and lists of floats.
_SERVED = {
    "bigint": "INT8",
    "double": "FLOAT8",
    "decimal": "FLOAT8",
    "boolean": "BOOLEAN",
    "string": "TEXT",
    "timestamp": "TIMESTAMPTZ",
    "date": "DATE",
    ARRAY: "FLOAT8[]",
}
# A parameter until the whole statement is there; no name or text of a user's has this character.
_MARK = "\x01"
_AS_OF = f"CAST({_MARK}as_of{_MARK} AS TIMESTAMPTZ)"
_quoted = POSTGRES.quote


def serving_query(service: CompiledService, cold_start: ColdStart = "refuse") -> str:
    """SELECT of the service's features in order, then _unseen, features_as_of, materialization.

    _unseen: by commas, the views that have no row for the question; their features are those of an
    empty history. features_as_of: of the oldest view; materialization: of each view, by commas;
    and of several views features_as_of_by_view, an array in their order.
    cold_start: "refuse" gives no row where every view is unseen; "answer" gives one. It reads the
    relations of these very versions of the views, whatever the project declares later.
    Parameters (psycopg style): key_0, key_1, ... in the order of service.keys, given_0, ... in that
    of service.given and, where a feature needs it, as_of, a timestamptz.
    """
    alone = len(service.views) == 1 and cold_start == "refuse"
    views = [_View(view, number, service, alone) for number, view in enumerate(service.views)]
    columns = dict(chain.from_iterable(view.features() for view in views))
    columns.update(
        {
            name: POSTGRES.cast(_parameter(f"given_{number}"), kind)
            for number, (name, kind) in enumerate(service.given.items())
        }
    )
    found = derived.expressions(service, POSTGRES, columns, _AS_OF)
    kinds = service.types
    selected = [
        f"CAST({sql} AS {_SERVED[kinds[name].kind]}) AS {_quoted(name)}"
        for name, sql in found.items()
    ]
    return _with_parameters(
        f"SELECT {', '.join([*selected, *_said(views)])} {_source(views, alone, cold_start)}"
    )


class _View:
    """The part of a statement that reads one view's row for the question.

    alone: whether the statement reads nothing else, and gives no row where the view has none.
    """

    def __init__(
        self, view: CompiledView, number: int, service: CompiledService, alone: bool
    ) -> None:
        self.view, self.service, self.alone = view, service, alone
        self.alias = f"view_{number}"
        version = names.online_relation(view.view.name, view.definition_hash)
        self.relation = f"{_quoted(names.ONLINE_SCHEMA)}.{_quoted(version)}"
        self.made_relation = (
            f"{_quoted(names.ONLINE_SCHEMA)}.{_quoted(names.made_relation(version))}"
        )
        self.made = f"made_{number}"
        self.found = f"{self.column(view.view.keys[0])} IS NOT NULL"

    def column(self, name: str) -> str:
        return f"{self.alias}.{_quoted(name)}"

    @property
    def is_wanted(self) -> str:
        """The condition on the row's keys."""
        numbers = {key: number for number, key in enumerate(self.service.keys)}
        return " AND ".join(
            f"{self.column(key)} = {POSTGRES.cast(_parameter(f'key_{numbers[key]}'), kind)}"
            for key, kind in self.view.keys.items()
        )

    @property
    def unseen(self) -> str:
        """The view's name where it has no row for the question, else null."""
        return f"CASE WHEN NOT ({self.found}) THEN {POSTGRES.literal(self.view.view.name)} END"

    def features(self) -> Iterator[tuple[str, str]]:
        """Feature -> SQL of those that the service gives."""
        for name in self.service.read_of(self.view):
            feature = self.view.feature(name)
            is_asked = feature.kind == "request"
            sql = f"({self._request(feature)})" if is_asked else self._stored_or_empty(feature)
            yield name, self._unless_expired(sql)

    def _request(self, feature: CompiledFeature) -> str:
        """The expression over the inputs stored in the row, at the request's instant."""
        inputs = self.view.inputs_of(feature)
        columns = {each.name: self._stored_or_empty(each) for each in inputs}
        columns[names.AS_OF] = _AS_OF
        sql = POSTGRES.render(feature.tree, self.view.input_types, columns)
        is_double = feature.datatype == DOUBLE
        return arithmetic.finite(POSTGRES.name, f"({sql})") if is_double else sql

    def _stored_or_empty(self, feature: CompiledFeature) -> str:
        """What the row holds, or where there is none what an empty history gives."""
        stored = self.column(feature.name)
        if self.alone or feature.kind == "latest":
            return stored
        empty = _empty(self.view, feature)
        if empty == POSTGRES.cast("NULL", feature.datatype):  # As a row that is not there has it.
            return stored
        return f"CASE WHEN {self.found} THEN {stored} ELSE {empty} END"

    def _unless_expired(self, sql: str) -> str:
        """Null where the entity's newest event is older than the view's ttl."""
        newest, ttl = self.view.newest, self.view.view.ttl
        if newest is None or ttl is None:
            return sql
        seen = self.column(newest.name)
        if newest.datatype == DATE:
            seen = f"(CAST({seen} AS TIMESTAMP) AT TIME ZONE 'UTC')"
        limit = f"INTERVAL '{ttl // timedelta(microseconds=1)} microseconds'"
        return f"CASE WHEN {seen} < {_AS_OF} - {limit} THEN NULL ELSE {sql} END"


def _said(views: list[_View]) -> list[str]:
    """What an answer says of the views that it was read from."""
    if not views:  # What came with the question is as of now.
        instant, run = names.FEATURES_AS_OF, names.MATERIALIZATION
        return [f"'' AS {names.UNSEEN}", f"{_AS_OF} AS {instant}", f"'' AS {run}"]
    if views[0].alone:
        return [f"'' AS {names.UNSEEN}", names.FEATURES_AS_OF, names.MATERIALIZATION]
    instants = ", ".join(f"{view.made}.{names.FEATURES_AS_OF}" for view in views)
    runs = ", ".join(f"{view.made}.{names.MATERIALIZATION}" for view in views)
    several = [f"ARRAY[{instants}] AS {names.FEATURES_AS_OF_BY_VIEW}"] if len(views) > 1 else []
    return [
        f"CONCAT_WS(',', {', '.join(view.unseen for view in views)}) AS {names.UNSEEN}",
        f"LEAST({instants}) AS {names.FEATURES_AS_OF}",
        f"CONCAT_WS(',', {runs}) AS {names.MATERIALIZATION}",
        *several,
    ]


def _source(views: list[_View], alone: bool, cold_start: ColdStart) -> str:
    """FROM and WHERE; a single view that refuses reads its own row and nothing else."""
    if alone:
        return f"FROM {views[0].relation} AS {views[0].alias} WHERE {views[0].is_wanted}"
    joins = [f"LEFT JOIN {view.relation} AS {view.alias} ON {view.is_wanted}" for view in views]
    # How they were made is said of views without a row too; after all rows, as they are swapped.
    joins += [f"CROSS JOIN {view.made_relation} AS {view.made}" for view in views]
    found = " OR ".join(view.found for view in views) if cold_start == "refuse" else ""
    return " ".join(["FROM (SELECT 1) AS asked", *joins, f"WHERE {found or 'TRUE'}"])


def _empty(view: CompiledView, feature: CompiledFeature) -> str:
    """The expression over nothing: counts are 0, other aggregates null."""
    tree, aggregates = expressions.outside_aggregates(feature.tree)
    types = {name: infer(node, view.types) for name, node in aggregates.items()}
    nothing = {
        name: POSTGRES.cast("0" if isinstance(node, exp.Count) else "NULL", types[name])
        for name, node in aggregates.items()
    }
    return POSTGRES.render(tree, types, nothing)


def _parameter(name: str) -> str:
    return f"{_MARK}{name}{_MARK}"


def _with_parameters(sql: str) -> str:
    """The statement as the driver wants it: percent signs doubled, parameters by their names."""
    return re.sub(f"{_MARK}(\\w+){_MARK}", r"%(\1)s", sql.replace("%", "%%"))
