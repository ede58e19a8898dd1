"""A feature view, checked: each feature's kind, type, and the source columns it needs."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sqlglot import exp

from hindcast import names
from hindcast.compiler import aggregates, expressions, row_size
from hindcast.compiler.document import definition_hash
from hindcast.compiler.typing import infer
from hindcast.datatypes import DOUBLE, DataType
from hindcast.definitions import Feature, FeatureView, Window, latest
from hindcast.errors import DefinitionError

# "request" is evaluated when asked; "given" comes with the question, "derived" is made of both.
Kind = Literal["prior", "latest", "request", "given", "derived"]

# Functions whose last digits no two engines compute alike.
_ROUNDED = (exp.Stddev, exp.Variance, exp.Ln, exp.Exp)
_RESERVED = {
    names.EVENT_TIMESTAMP,
    names.TIEBREAKER,
    names.LABEL,
    names.RUN_ID,
    names.DEFINITION_HASH,
    names.FEATURES_AS_OF,
    names.MATERIALIZATION,
    names.AS_OF,
    names.RECORDED_AT,
}
_SEEN = {"prior": "prior()", "latest": "latest()", "given": "sent with the question"}


@dataclass(frozen=True)
class CompiledFeature:
    """One checked feature: its expression tree, result type, and when it is evaluated.

    The tree of a request-time feature reads the view's inputs by their names, and as_of. window:
    what its aggregates see; None for a feature without any.
    """

    name: str
    tree: exp.Expression
    datatype: DataType
    kind: Kind
    window: Window | None = None

    @property
    def seen(self) -> str:
        """Which events it sees, such as "prior(days=90)"; else when it is computed."""
        return str(self.window or _SEEN.get(self.kind, "when asked"))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that a model reads it as: of an array, one for each number."""
        return names.array_columns(self.name, self.datatype.size)


@dataclass(frozen=True)
class CompiledView:
    """A checked feature view.

    inputs: what request-time features are computed from, stored beside the other features: the
    latest values of columns, and aggregates. newest: of these, when the entity's newest event was,
    where the view has a ttl.
    """

    view: FeatureView
    features: tuple[CompiledFeature, ...]
    inputs: tuple[CompiledFeature, ...]
    definition_hash: str
    newest: CompiledFeature | None = None

    @cached_property
    def keys(self) -> Mapping[str, DataType]:
        """The entity's key columns, as online rows and questions name them -> their types."""
        columns = zip(self.view.keys, self.view.key_columns, strict=True)
        return {key: self.types[column] for key, column in columns}

    @property
    def types(self) -> Mapping[str, DataType]:
        """Column name -> type of the source."""
        return self.view.source.types

    @property
    def offline_columns(self) -> tuple[str, ...]:
        """Columns of the offline table: keys, event timestamp, tiebreaker, every feature."""
        own = (feature.name for feature in self.features)
        return (*self.keys, names.EVENT_TIMESTAMP, names.TIEBREAKER, *own)

    @property
    def online_columns(self) -> dict[str, DataType]:
        """Columns of the online table: the keys, stored features, inputs of request-time ones."""
        stored = {f.name: f.datatype for f in self.features if f.kind != "request"}
        return {**self.keys, **stored, **self.input_types}

    @property
    def input_types(self) -> dict[str, DataType]:
        """Input -> type: what the expressions of request-time features read."""
        return {each.name: each.datatype for each in self.inputs}

    def inputs_of(self, feature: CompiledFeature) -> tuple[CompiledFeature, ...]:
        """The inputs that a request-time feature reads; none for a stored one."""
        read = expressions.columns(feature.tree) if feature.kind == "request" else ()
        return tuple(each for each in self.inputs if each.name in read)

    def adds_doubles(self, feature: CompiledFeature) -> bool:
        """Whether its last digits depend on the order of adding, or on the engine's ln and exp."""
        if feature.tree.find(*_ROUNDED):
            return True
        if feature.kind == "request":
            return any(self.adds_doubles(each) for each in self.inputs_of(feature))
        added = feature.tree.find_all(exp.Sum, exp.Avg)
        return any(infer(node.this, self.types) == DOUBLE for node in added)

    def feature(self, name: str) -> CompiledFeature:
        """The feature of that name."""
        return next(feature for feature in self.features if feature.name == name)


def compile_view(view: FeatureView) -> CompiledView:
    """Check a view; raises DefinitionError naming the feature, the expression and the fix."""
    inputs = _Inputs(view.source.types)
    features = tuple(_compile_feature(feature, view, inputs) for feature in view.features)
    _check_names(view)
    newest = inputs.newest(view.source.event_timestamp) if view.ttl else None
    compiled = CompiledView(view, features, inputs.found, definition_hash(view), newest)
    _check_inputs(compiled)
    row_size.check(view.name, compiled.online_columns)
    return compiled


class _Inputs:
    """Collects what request-time features read, each column and aggregate once."""

    def __init__(self, types: Mapping[str, DataType]) -> None:
        self._types = types
        self._found: dict[tuple[str, Window | None], CompiledFeature] = {}

    @property
    def found(self) -> tuple[CompiledFeature, ...]:
        return tuple(self._found.values())

    def stored(self, tree: exp.Expression, window: Window | None) -> exp.Expression:
        """The tree over inputs: their names stand for its aggregates and other columns."""

        def replace(node: exp.Expression) -> exp.Expression:
            if isinstance(node, tuple(aggregates.NAMES)):
                return exp.column(self._aggregate(node, window).name)
            if isinstance(node, exp.Column) and node.name != names.AS_OF:
                return exp.column(self._latest(node).name)
            return node

        return tree.copy().transform(replace)

    def newest(self, event_timestamp: str) -> CompiledFeature:
        """When the entity's newest event was."""
        return self._aggregate(exp.Max(this=exp.column(event_timestamp)), None)

    def _latest(self, node: exp.Column) -> CompiledFeature:
        column = names.input_column(node.name)
        made = CompiledFeature(column, node.copy(), infer(node, self._types), "latest")
        return self._found.setdefault((column, None), made)

    def _aggregate(self, node: exp.Expression, window: Window | None) -> CompiledFeature:
        function = aggregates.NAMES[type(node)]
        column = names.aggregate_column(function, len(self._found) + 1)
        made = CompiledFeature(column, node.copy(), infer(node, self._types), "prior", window)
        return self._found.setdefault((node.sql(), window), made)


def _compile_feature(feature: Feature, view: FeatureView, inputs: _Inputs) -> CompiledFeature:
    where = f"feature view '{view.name}', feature '{feature.name}'"
    text = feature.expression
    tree = expressions.parse(text, where)
    expressions.require_columns(tree, view.source.types, text, where)
    if view.source.label in expressions.columns(tree):
        raise DefinitionError(
            f"{where}: '{text}' reads the label '{view.source.label}', which is not known yet when "
            "a prediction is made; use other columns"
        )
    is_column = isinstance(tree, exp.Column) and feature.over == latest()
    if not is_column:
        instead = "name the column alone, with over=latest()"
        expressions.require_no_arrays(tree, view.source.types, text, where, instead)
    kind = _kind(feature, tree, where)
    try:
        datatype = infer(tree, view.source.types)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: in '{text}', {error}") from error
    window = feature.over if expressions.aggregates(tree) else None
    _refuse_lags(tree, feature, where)
    if kind == "request":
        tree = inputs.stored(tree, window)
    return CompiledFeature(feature.name, tree, datatype, kind, window)


def _kind(feature: Feature, tree: exp.Expression, where: str) -> Kind:
    """Which of the three kinds a feature is; raises DefinitionError for every other mixture."""
    over = feature.over.kind if feature.over else None
    when_asked = expressions.mentions_as_of(tree)
    problem = _mixture(over, when_asked, has_aggregate=bool(expressions.aggregates(tree)))
    if problem:
        raise DefinitionError(f"{where}: '{feature.expression}' {problem}")
    if over is None or when_asked:
        _refuse_instants_inside(tree, feature.expression, where)
        return "request"
    if over == "prior":
        _refuse_bare_columns(tree, feature.expression, where)
    return over


def _mixture(over: str | None, when_asked: bool, has_aggregate: bool) -> str | None:
    """What is wrong with a window, a mention of as_of and an aggregate together, and the fix."""
    if has_aggregate and over is None:
        return "has an aggregate without a window; add over=prior() or over=prior(days=n)"
    if has_aggregate:
        return "aggregates over latest(); use over=prior()" if over == "latest" else None
    if when_asked and over:
        return "mentions as_of and has a window; remove over=..., its columns are the latest known"
    if over == "prior":
        return "over prior() needs an aggregate; use one such as last(x), or over=latest()"
    if over is None and not when_asked:
        return "has no window and no as_of; add over=latest()"
    return None


def _refuse_instants_inside(tree: exp.Expression, text: str, where: str) -> None:
    if any(map(expressions.mentions_as_of, expressions.aggregates(tree))):
        raise DefinitionError(
            f"{where}: '{text}' mentions as_of inside an aggregate, which is computed before "
            "the question is asked; put as_of outside it"
        )


def _refuse_lags(tree: exp.Expression, feature: Feature, where: str) -> None:
    """Raise DefinitionError for a lag that its window does not reach, or cannot count from."""
    over = feature.over
    for lag in tree.find_all(exp.Lag) if over else ():
        if over and over.ending:
            raise DefinitionError(
                f"{where}: '{feature.expression}' counts back from the newest event, over a window "
                "that ends earlier; use over=prior() with a greater n, or last(x)"
            )
        number = lag.args.get("offset")
        if over and over.last and number and int(number.this) > over.last:
            raise DefinitionError(
                f"{where}: '{feature.expression}' is always null over the last {over.last} events; "
                "use over=prior()"
            )


def _refuse_bare_columns(tree: exp.Expression, text: str, where: str) -> None:
    for column in tree.find_all(exp.Column):
        if not column.find_ancestor(*aggregates.NAMES):
            raise DefinitionError(
                f"{where}: column '{column.name}' in '{text}' stands outside an aggregate; "
                "put it inside one"
            )


def _check_names(view: FeatureView) -> None:
    seen: set[str] = set()
    keys = {key.lower() for key in view.keys}
    for name in (feature.name for feature in view.features):
        where = f"feature view '{view.name}', feature '{name}'"
        # Delta and Spark tell no names apart by case.
        plain = name.lower()
        if plain in seen:
            raise DefinitionError(f"{where}: the name is declared twice; rename one of them")
        require_feature_name(name, where, keys)
        seen.add(plain)


def require_feature_name(name: str, where: str, taken: Collection[str] = ()) -> None:
    """Raise DefinitionError for a name that no column beside the given ones can have."""
    if name.lower() in _RESERVED or name.lower() in taken or not _is_name(name):
        raise DefinitionError(
            f"{where}: the name is reserved or not plain; use letters, digits and "
            "underscores, starting with a letter, at most 63 characters"
        )


def _check_inputs(view: CompiledView) -> None:
    """Raise DefinitionError where a column's latest value and an aggregate have one name."""
    seen: set[str] = set()
    for name in (*view.keys, *(each.name for each in view.inputs)):
        if len(name.encode()) > names.IDENTIFIER_BYTES:
            raise DefinitionError(
                f"feature view '{view.view.name}': column '{name}' is read when asked, and longer "
                f"than the {names.IDENTIFIER_BYTES} bytes of a name in Postgres; give it a shorter "
                "one"
            )
        if name.lower() in seen:
            raise DefinitionError(
                f"feature view '{view.view.name}': request-time features read an aggregate that is "
                f"stored as '{name}', as is the column '{name[1:]}'; rename the column"
            )
        seen.add(name.lower())


def _is_name(name: str) -> bool:
    return name.isascii() and name.isidentifier() and not name.startswith("_") and len(name) <= 63
