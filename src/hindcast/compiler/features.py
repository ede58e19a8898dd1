"""A feature view, checked: each feature's kind, type, and the source columns it needs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from hindcast import names
from hindcast.compiler import expressions
from hindcast.compiler.document import to_document
from hindcast.compiler.typing import infer
from hindcast.datatypes import DOUBLE, DataType
from hindcast.definitions import Feature, FeatureView
from hindcast.errors import DefinitionError

Kind = Literal["prior", "latest", "request"]

_RESERVED = {
    names.EVENT_TIMESTAMP, names.TIEBREAKER, names.LABEL, names.RUN_ID, names.DEFINITION_HASH,
    names.FEATURES_AS_OF, names.MATERIALIZATION, names.AS_OF, names.RECORDED_AT,
}  # fmt: skip


@dataclass(frozen=True)
class CompiledFeature:
    """One checked feature: its expression tree, result type, and when it is evaluated."""

    name: str
    tree: exp.Expression
    datatype: DataType
    kind: Kind
    days: int | None = None


@dataclass(frozen=True)
class CompiledView:
    """A checked feature view. `inputs` are the source columns that request-time features read."""

    view: FeatureView
    features: tuple[CompiledFeature, ...]
    inputs: Mapping[str, DataType]
    definition_hash: str

    @property
    def key(self) -> str:
        """The entity's key column."""
        return self.view.source.entity.key

    @property
    def types(self) -> Mapping[str, DataType]:
        """Column name -> type of the source."""
        return self.view.source.types

    @property
    def offline_columns(self) -> tuple[str, ...]:
        """Columns of the offline table: key, event timestamp, tiebreaker, every feature."""
        own = (feature.name for feature in self.features)
        return (self.key, names.EVENT_TIMESTAMP, names.TIEBREAKER, *own)

    @property
    def online_columns(self) -> dict[str, DataType]:
        """Columns of the online table: the key, stored features, inputs of request-time ones."""
        stored = {f.name: f.datatype for f in self.features if f.kind != "request"}
        inputs = {names.input_column(name): kind for name, kind in self.inputs.items()}
        return {self.key: self.types[self.key], **stored, **inputs}

    def inputs_of(self, tree: exp.Expression) -> tuple[str, ...]:
        """The source columns an expression reads."""
        return expressions.columns(tree)

    def adds_doubles(self, feature: CompiledFeature) -> bool:
        """Whether its last digits depend on the order of adding: a sum or average of doubles."""
        if feature.kind != "prior":
            return False
        added = feature.tree.find_all(exp.Sum, exp.Avg)
        return any(infer(node.this, self.types) == DOUBLE for node in added)

    def feature(self, name: str) -> CompiledFeature:
        """The feature of that name."""
        return next(feature for feature in self.features if feature.name == name)


def compile_view(view: FeatureView) -> CompiledView:
    """Check a view; raises DefinitionError naming the feature, the expression and the fix."""
    features = tuple(_compile_feature(feature, view) for feature in view.features)
    _check_names(view)
    inputs: dict[str, DataType] = {}
    for feature in features:
        if feature.kind == "request":
            inputs |= {name: view.source.types[name] for name in expressions.columns(feature.tree)}
    return CompiledView(view, features, inputs, definition_hash(view))


def definition_hash(view: FeatureView) -> str:
    """A digest of everything that gives the view's values their meaning."""
    document = to_document(view)
    del document["source"]["label"]  # It is learned from, and computes no feature.
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def _compile_feature(feature: Feature, view: FeatureView) -> CompiledFeature:
    where = f"feature view '{view.name}', feature '{feature.name}'"
    text = feature.expression
    tree = expressions.parse(text, where)
    expressions.require_columns(tree, view.source.types, text, where)
    if view.source.label in expressions.columns(tree):
        raise DefinitionError(
            f"{where}: '{text}' reads the label '{view.source.label}', which is not known yet when "
            "a prediction is made; use other columns"
        )
    kind = _kind(feature, tree, where)
    try:
        datatype = infer(tree, view.source.types)
    except DefinitionError as error:
        raise DefinitionError(f"{where}: in '{text}', {error}") from error
    return CompiledFeature(
        feature.name, tree, datatype, kind, feature.over.days if feature.over else None
    )


def _kind(feature: Feature, tree: exp.Expression, where: str) -> Kind:
    """Which of the three kinds a feature is; raises DefinitionError for every other mixture."""
    text = feature.expression
    has_aggregate = bool(expressions.aggregates(tree))
    if expressions.mentions_as_of(tree):
        if feature.over is not None:
            fix = "remove over=..., it is evaluated when asked"
            raise DefinitionError(f"{where}: '{text}' mentions as_of and has a window; {fix}")
        if has_aggregate:
            fix = "split it into a windowed feature and a request-time feature"
            raise DefinitionError(f"{where}: '{text}' mixes an aggregate with as_of; {fix}")
        return "request"
    if feature.over is None:
        fix = "over=prior() or over=prior(days=n)" if has_aggregate else "over=latest()"
        what = "an aggregate without a window" if has_aggregate else "no window and no as_of"
        raise DefinitionError(f"{where}: '{text}' has {what}; add {fix}")
    if feature.over.kind == "prior" and not has_aggregate:
        fix = "use count, sum, avg, min or max, or over=latest()"
        raise DefinitionError(f"{where}: '{text}' over prior() needs an aggregate; {fix}")
    if feature.over.kind == "latest" and has_aggregate:
        raise DefinitionError(f"{where}: '{text}' aggregates over latest(); use over=prior()")
    if feature.over.kind == "prior":
        _refuse_bare_columns(tree, text, where)
    return feature.over.kind


def _refuse_bare_columns(tree: exp.Expression, text: str, where: str) -> None:
    for column in tree.find_all(exp.Column):
        if not column.find_ancestor(*expressions.AGGREGATES):
            raise DefinitionError(
                f"{where}: column '{column.name}' in '{text}' stands outside an aggregate; "
                "put it inside one"
            )


def _check_names(view: FeatureView) -> None:
    seen: set[str] = set()
    key = view.source.entity.key.lower()
    for name in (feature.name for feature in view.features):
        where = f"feature view '{view.name}', feature '{name}'"
        # Delta and Spark tell no names apart by case.
        plain = name.lower()
        if plain in seen:
            raise DefinitionError(f"{where}: the name is declared twice; rename one of them")
        if plain in _RESERVED or plain == key or not _is_name(name):
            raise DefinitionError(
                f"{where}: the name is reserved or not plain; use letters, digits and "
                "underscores, starting with a letter, at most 63 characters"
            )
        seen.add(plain)


def _is_name(name: str) -> bool:
    return name.isascii() and name.isidentifier() and not name.startswith("_") and len(name) <= 63
