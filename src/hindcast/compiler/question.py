"""What a model asks and learns from, as a JSON document and back, so that a release carries it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hindcast.compiler import document as views
from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.labelled import Labelled
from hindcast.compiler.service import CompiledService, compile_service
from hindcast.definitions import (
    Derived,
    FeatureSelection,
    FeatureService,
    Label,
    RequestSelection,
    RequestSource,
)
from hindcast.errors import DefinitionError

_MICROSECOND = timedelta(microseconds=1)


def to_document(service: CompiledService, labelled: Labelled) -> dict[str, Any]:
    """The views of a service, what it gives of them, and the events and labels of a model."""
    label, entities = labelled.label, [view.view.of for view in service.views]
    return {
        "service": service.name,
        "views": [views.to_document(view.view) for view in service.views],
        "features": [_item(service, name) for name in service.names],
        "given": {name: str(kind) for name, kind in service.given.items()},
        "events": views.source_document(labelled.events, entities),
        "labels": views.source_document(labelled.labels, []),
        "label": {
            "column": label.column,
            "on": dict(labelled.found_by),
            "matures": label.matures // _MICROSECOND,
            "ahead": label.ahead // _MICROSECOND,
        },
    }


def from_document(document: Mapping[str, Any]) -> tuple[CompiledService, Labelled]:
    """What a document describes; raises DefinitionError when it is none of this format."""
    compiled = {each["name"]: compile_view(views.from_document(each)) for each in document["views"]}
    try:
        service = _service(document, compiled)
        label = document["label"]
        return service, Labelled(
            views.source_of(document["events"]),
            Label(
                label["column"],
                label["on"],
                label["matures"] * _MICROSECOND,
                label["ahead"] * _MICROSECOND,
            ),
            views.source_of(document["labels"]),
        )
    except (KeyError, TypeError) as error:
        raise DefinitionError(
            f"the release's features cannot be read: {error!r}; train the model again"
        ) from error


def _item(service: CompiledService, name: str) -> dict[str, str]:
    feature = next(each for each in service.features if each.name == name)
    if feature.kind == "given":
        return {"given": name}
    if feature.kind == "derived":
        return {"derived": name, "expression": feature.tree.sql(dialect="duckdb")}
    view = next(each for each in service.views if feature in each.features)
    return {"view": view.view.name, "feature": name}


def _service(document: Mapping[str, Any], compiled: Mapping[str, CompiledView]) -> CompiledService:
    request = RequestSource("request", document["given"]) if document["given"] else None
    items: list[FeatureSelection | RequestSelection | Derived] = []
    for each in document["features"]:
        if "view" in each:
            items.append(FeatureSelection(compiled[each["view"]].view, (each["feature"],)))
        elif "derived" in each:
            items.append(Derived(each["derived"], each["expression"]))
        elif request is not None:
            items.append(RequestSelection(request, (each["given"],)))
    service = FeatureService(document["service"], items)
    return compile_service(service, lambda view: compiled[view.name])
