"""Feature services: what one question gives, over several views and values sent with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import EllipsisType, MappingProxyType

from hindcast import datatypes
from hindcast.datatypes import DataType
from hindcast.definitions import arguments
from hindcast.definitions.views import FeatureSelection, FeatureView
from hindcast.errors import DefinitionError


@dataclass(frozen=True)
class RequestSource:
    """Values that come with the question; in training, the spine row's columns of these names.

    schema maps each value to its type.
    """

    name: str
    schema: Mapping[str, str]

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the request source and what is wrong with it."""
        arguments.require_name("request source", self.name)
        where = f"request source '{self.name}'"
        arguments.require_mapping(where, "schema", self.schema, "a mapping of values to types")
        if not self.schema:
            raise DefinitionError(f"{where}: it has no values; declare one in its schema")
        for value, kind in self.schema.items():
            arguments.require_text(where, "a value's name", value, "one line of text")
            arguments.require_text(f"{where}, value '{value}'", "type", kind, "text")
        arguments.require_distinct(where, "values", self.schema)
        _ = self.types

    @cached_property
    def types(self) -> Mapping[str, DataType]:
        """Value -> type; raises DefinitionError naming the value of an unknown type."""
        return MappingProxyType({name: self._type(name) for name in self.schema})

    def __getitem__(self, selection: Sequence[str] | EllipsisType) -> "RequestSelection":
        """`request[["a"]]` selects values by name, `request[...]` all of them."""
        where = f"request source '{self.name}'"
        return RequestSelection(self, arguments.selected(where, "value", selection, self.schema))

    def _type(self, name: str) -> DataType:
        where = f"request source '{self.name}', value '{name}'"
        try:
            found = datatypes.parse(self.schema[name])
        except DefinitionError as error:
            raise DefinitionError(f"{where}: {error}") from error
        if found.is_array:
            raise DefinitionError(
                f"{where}: it is {found}, and no array comes with a question; read it from a "
                "source, as a feature over latest(), or declare each of its numbers"
            )
        return found


@dataclass(frozen=True)
class RequestSelection:
    """Values of a request source that a service gives to a model as they come."""

    request: RequestSource
    names: tuple[str, ...]


@dataclass(frozen=True)
class Derived:
    """A SQL expression over features of its service and request values, evaluated when asked."""

    name: str
    expression: str

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the derived feature and its wrong argument."""
        arguments.require("derived feature", "name", self.name, str, "text")
        arguments.require_expression(f"derived feature '{self.name}'", self.expression)


Item = FeatureSelection | RequestSelection | Derived
# What users may write for an item: a whole view or request source too.
_GIVEN = (FeatureSelection, RequestSelection, Derived, FeatureView, RequestSource)


@dataclass(frozen=True)
class FeatureService:
    """What one question gives: features of views, request values and derived features, in order.

    owner, tags, description: for its readers.
    """

    name: str
    features: Sequence[Item | FeatureView | RequestSource]
    owner: str | None = None
    tags: Sequence[str] = ()
    description: str | None = None

    def __post_init__(self) -> None:
        """Raise DefinitionError naming the service and what is wrong with it."""
        arguments.require_name("feature service", self.name)
        where = f"feature service '{self.name}'"
        arguments.require_described(where, self.owner, self.tags, self.description)
        check_items(where, self.features)

    @property
    def items(self) -> tuple[Item, ...]:
        """The items, whole views and request sources as selections of all they have."""
        return tuple(
            each[...] if isinstance(each, FeatureView | RequestSource) else each
            for each in self.features
        )

    @property
    def views(self) -> tuple[FeatureView, ...]:
        """The views it reads, in the order they are named."""
        found = (item.view for item in self.items if isinstance(item, FeatureSelection))
        return tuple({view.name: view for view in found}.values())


def check_items(where: str, given: object) -> None:
    """Raise DefinitionError unless it is a list of what a service can give."""
    wanted = "selection such as view[...], request[...] or Derived(...)"
    if not isinstance(given, list | tuple):
        raise DefinitionError(f"{where}: features is {arguments.shown(given)}, not a list")
    if not given:
        raise DefinitionError(f"{where}: features is empty; name a view's, such as view[...]")
    for each in given:
        if not isinstance(each, _GIVEN):
            raise DefinitionError(f"{where}: features has {arguments.shown(each)}, not a {wanted}")
