"""What a model learns from: the events of its spine, and the label of each."""

from collections.abc import Mapping
from dataclasses import dataclass

from hindcast.compiler.service import CompiledService
from hindcast.datatypes import DataType
from hindcast.definitions import Entity, Label, Model, Source
from hindcast.definitions.labels import require_label_type
from hindcast.errors import DefinitionError


@dataclass(frozen=True)
class Labelled:
    """Events with labels. labels: the source of the label, which may be another than events."""

    events: Source
    label: Label
    labels: Source

    @property
    def own(self) -> bool:
        """Whether the label is a column of the events themselves."""
        return not self.label.keys


def labelled(model: Model, service: CompiledService, sources: Mapping[str, Source]) -> Labelled:
    """Check a model's spine and label; raises DefinitionError naming the model and the fix."""
    where, events, label = f"model '{model.name}'", model.events, model.target
    for view in service.views:
        _require_entity(where, events, view.view.of)
    for name, kind in service.given.items():
        _require_value(where, events, name, kind)
    _require_names(where, events, service)
    if not label.keys:
        return Labelled(events, label, events)
    if label.source not in sources:
        listed = ", ".join(sorted(sources))
        raise DefinitionError(
            f"{where}: label '{label.column}' is of a source that the project does not have; "
            f"it has {listed}"
        )
    labels = sources[label.source]
    _require_label(where, events, labels, label)
    require_label_type(where, label, labels.types[label.name], model.task)
    return Labelled(events, label, labels)


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


def _require_label(where: str, events: Source, labels: Source, label: Label) -> None:
    for column in (label.name, *label.keys):
        if column not in labels.types:
            raise DefinitionError(
                f"{where}: label '{label.column}': source '{labels.name}' has no column "
                f"'{column}'; it has {', '.join(labels.schema)}"
            )
    for column in label.keys:
        if labels.types[column].is_array:
            raise DefinitionError(
                f"{where}: label '{label.column}' is found by '{column}', which is "
                f"{labels.types[column]}; name a column that both sources have a plain value of"
            )
        if labels.types[column] != events.types[column]:
            raise DefinitionError(
                f"{where}: column '{column}' is {labels.types[column]} in '{labels.name}' and "
                f"{events.types[column]} in '{events.name}'; give it the same type in both"
            )
