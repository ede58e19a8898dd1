"""A feature service, checked: the views it reads, the values sent with a question, their types."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlglot import exp

from hindcast.compiler import expressions
from hindcast.compiler.features import CompiledFeature, CompiledView, require_feature_name
from hindcast.compiler.typing import infer
from hindcast.datatypes import DataType
from hindcast.definitions import FeatureSelection, FeatureService, FeatureView, RequestSelection
from hindcast.errors import DefinitionError

Compile = Callable[[FeatureView], CompiledView]


@dataclass(frozen=True)
class CompiledService:
    """A checked feature service.

    views: those it reads, in the order they are named. given: values that come with the question.
    features: what it gives, in its order; of kind "given" a value as it came, of kind "derived" an
    expression over the others.
    """

    name: str
    views: tuple[CompiledView, ...]
    given: Mapping[str, DataType]
    features: tuple[CompiledFeature, ...]

    @cached_property
    def keys(self) -> Mapping[str, DataType]:
        """The key columns that a question names -> their types, in the order of the views."""
        return {name: kind for view in self.views for name, kind in view.keys.items()}

    @property
    def required(self) -> frozenset[str]:
        """The key columns that a question must have a value for: those of the only entity.

        Where there are several, one that is null is of no entity, and has an empty history.
        """
        entities = {view.view.of for view in self.views}
        return frozenset(self.keys) if len(entities) == 1 else frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def types(self) -> Mapping[str, DataType]:
        """Feature -> type; and those of the values that come with the question."""
        return {**self.given, **{feature.name: feature.datatype for feature in self.features}}

    @property
    def derived(self) -> tuple[CompiledFeature, ...]:
        """The derived features; each may read those before it."""
        return tuple(feature for feature in self.features if feature.kind == "derived")

    @property
    def definition_hashes(self) -> Mapping[str, str]:
        """View -> the hash of the version that is read."""
        return {view.view.name: view.definition_hash for view in self.views}

    @property
    def sliceable(self) -> tuple[str, ...]:
        """What metrics can be reported by: its features, then the others of its views; no array."""
        others = (feature for view in self.views for feature in view.features)
        found = (f.name for f in (*self.features, *others) if not f.datatype.is_array)
        return tuple(dict.fromkeys(found))

    def read_of(self, view: CompiledView) -> tuple[str, ...]:
        """The names of a view's features that the service gives."""
        own = {feature.name for feature in view.features}
        return tuple(feature.name for feature in self.features if feature.name in own)

    def adds_doubles(self, feature: CompiledFeature) -> bool:
        """Whether its last digits depend on the order of adding."""
        if feature.kind == "given":
            return False
        if feature.kind == "derived":
            read = expressions.columns(feature.tree)
            return any(self.adds_doubles(each) for each in self.features if each.name in read)
        view = next(view for view in self.views if feature in view.features)
        return view.adds_doubles(feature)


def of_view(view: CompiledView, names: Sequence[str] | None = None) -> CompiledService:
    """The service that gives features of one view: those named, or all."""
    wanted = [feature.name for feature in view.features] if names is None else names
    return CompiledService(
        view.view.name, (view,), {}, tuple(view.feature(name) for name in wanted)
    )


def compile_service(service: FeatureService, compile_view: Compile) -> CompiledService:
    """Check a service; raises DefinitionError naming it, the feature and the fix.

    compile_view: gives the compiled view of one that the service names.
    """
    where = f"feature service '{service.name}'"
    views: dict[str, CompiledView] = {}
    given: dict[str, DataType] = {}
    features: dict[str, CompiledFeature] = {}
    for item in service.items:
        if isinstance(item, FeatureSelection):
            view = views.setdefault(item.view.name, compile_view(item.view))
            found = [view.feature(name) for name in item.names]
        elif isinstance(item, RequestSelection):
            given.update(item.request.types)
            found = [_given(name, item.request.types[name]) for name in item.names]
        else:
            types = {**given, **{name: each.datatype for name, each in features.items()}}
            found = [_derived(item.name, item.expression, types, where)]
        for feature in found:
            if feature.name in features:
                raise DefinitionError(
                    f"{where}: two features are named '{feature.name}'; rename one of them"
                )
            features[feature.name] = feature
    compiled = CompiledService(service.name, tuple(views.values()), given, tuple(features.values()))
    _check_names(compiled, where)
    return compiled


def _given(name: str, kind: DataType) -> CompiledFeature:
    return CompiledFeature(name, exp.column(name), kind, "given")


def _derived(name: str, text: str, types: Mapping[str, DataType], where: str) -> CompiledFeature:
    where = f"{where}, derived feature '{name}'"
    require_feature_name(name, where)
    tree = expressions.parse(text, where)
    if expressions.aggregates(tree):
        raise DefinitionError(
            f"{where}: '{text}' has an aggregate; declare it as a Feature of a view, and use "
            "that feature here"
        )
    expressions.require_columns(tree, types, text, where)
    instead = "name its feature in the service, and a model reads each of its numbers"
    expressions.require_no_arrays(tree, types, text, where, instead)
    try:
        return CompiledFeature(name, tree, infer(tree, types), "derived")
    except DefinitionError as error:
        raise DefinitionError(f"{where}: in '{text}', {error}") from error


def _check_names(service: CompiledService, where: str) -> None:
    """Raise DefinitionError where a question or an answer would have one name for two things."""
    seen: dict[str, DataType] = {}
    for view in service.views:
        for name, kind in view.keys.items():
            if seen.setdefault(name.lower(), kind) != kind:
                raise DefinitionError(
                    f"{where}: key '{name}' is {seen[name.lower()]} in one view and {kind} in "
                    "another; give it the same type in both"
                )
    taken = [name for name in (*service.given, *service.names) if name.lower() in seen]
    if taken:
        raise DefinitionError(f"{where}: '{taken[0]}' is a key column too; rename the feature")
