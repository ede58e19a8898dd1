"""What a model learns from: the events of its spine, and the label of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from hindcast.compiler.service import CompiledService
from hindcast.datatypes import DataType
from hindcast.definitions import Entity, Label, Model, Source
from hindcast.definitions.labels import require_label_type
from hindcast.errors import DefinitionError

# How to name columns that do not have the same name in both sources.
MAPPED = "; where names differ, write on={column of the spine: column of the label's source}"


@dataclass(frozen=True)
class Labelled:
    """Events with labels. labels: the source of the label, which may be another than events."""

    events: Source
    label: Label
    labels: Source

    @property
    def own(self) -> bool:
        """Whether the label is a column of the events themselves."""
        return self.label.is_own

    @cached_property
    def found_by(self) -> Mapping[str, str]:
        """Columns of the events -> those of the label's source by which its rows are found."""
        return self.label.found_by(self.events, self.labels)


def labelled(model: Model, service: CompiledService, sources: Mapping[str, Source]) -> Labelled:
    """Check a model's spine and label; raises DefinitionError naming the model and the fix."""
    where, events, label = f"model '{model.name}'", model.events, model.target
    for view in service.views:
        _require_entity(where, events, view.view.of)
    for name, kind in service.given.items():
        _require_value(where, events, name, kind)
    _require_names(where, events, service)
    if label.is_own:
        return Labelled(events, label, events)
    if label.source not in sources:
        listed = ", ".join(sorted(sources))
        raise DefinitionError(
            f"{where}: label '{label.column}' is of a source that the project does not have; "
            f"it has {listed}"
        )
    labels = sources[label.source]
    found = Labelled(events, label, labels)
    _require_label(where, found)
    require_label_type(where, label, labels.types[label.name], model.task)
    return found


def _require_entity(where: str, events: Source, entity: Entity) -> None:
    if entity not in events.columns_by_entity:
        raise DefinitionError(
            f"{where}: its features are of entity '{entity.name}', which its spine "
            f"'{events.name}' does not have; add it to the source's entities"
        )


def _require_value(where: str, events: Source, name: str, kind: DataType) -> None:
    if name not in events.types:
        raise DefinitionError(
            f"{where}: it reads the request value '{name}', which its spine '{events.name}' has no "
            f"column for; it has {', '.join(events.schema)}"
        )
    if events.types[name] != kind:
        raise DefinitionError(
            f"{where}: request value '{name}' is {kind}, and the column of its spine "
            f"'{events.name}' is {events.types[name]}; give both the same type"
        )


def _require_names(where: str, events: Source, service: CompiledService) -> None:
    """Raise DefinitionError where a number of an array has the name of another column."""
    keys = (key for entity in events.columns_by_entity for key in entity.keys)
    taken = {name.lower() for name in (*service.sliceable, *keys)}
    for feature in service.features:
        for column in feature.columns if feature.datatype.is_array else ():
            if column.lower() in taken:
                raise DefinitionError(
                    f"{where}: it reads the numbers of '{feature.name}' as {feature.columns[0]} to "
                    f"{feature.columns[-1]}, and '{column}' is the name of another feature or of a "
                    "key; rename one of them"
                )
            taken.add(column.lower())


def _require_label(where: str, found: Labelled) -> None:
    """Raise DefinitionError where a row of the label's source could not be found or read."""
    where = f"{where}: label '{found.label.column}'"
    _require_column(where, found.labels, found.label.name)
    for column, there in found.found_by.items():
        _require_column(where, found.events, column, MAPPED)
        _require_column(where, found.labels, there, MAPPED)
        kind, other = found.events.types[column], found.labels.types[there]
        if other.is_array:
            raise DefinitionError(
                f"{where} is found by '{there}', which is {other}; name a column that both sources "
                "have a plain value of"
            )
        if kind != other:
            raise DefinitionError(
                f"{where}: column '{column}' of '{found.events.name}' is {kind}, and '{there}' of "
                f"'{found.labels.name}' is {other}; give both the same type"
            )


def _require_column(where: str, source: Source, column: str, fix: str = "") -> None:
    if column not in source.types:
        listed = ", ".join(source.schema)
        raise DefinitionError(
            f"{where}: source '{source.name}' has no column '{column}'; it has {listed}{fix}"
        )
