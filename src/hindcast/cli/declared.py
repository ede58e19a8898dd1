"""What a project declares, as records for people and programs."""

from collections.abc import Iterator, Mapping
from typing import Any

from hindcast.compiler.features import CompiledFeature
from hindcast.definitions import Derived, FeatureService, FeatureView, Model, Source
from hindcast.project import Project

Records = list[dict[str, Any]]


def document(project: Project) -> Mapping[str, Records]:
    """Per kind of definition its records, in the order of their declaration."""
    return {
        "sources": [_source(each) for each in project.sources.values()],
        "entities": _entities(project),
        "feature views": [_view(each) for each in project.declared.values()],
        "features": list(_features(project)),
        "feature services": [_service(each) for each in project.services.values()],
        "models": [_model(each) for each in project.models.values()],
    }


def _source(source: Source) -> dict[str, Any]:
    return {
        "source": source.name,
        "event timestamp": source.event_timestamp,
        "columns": len(source.schema),
        "checks": len(source.checks),
        "entities": ", ".join(entity.name for entity in source.columns_by_entity),
    }


def _entities(project: Project) -> Records:
    sources = project.sources.values()
    known = {entity.name: entity for source in sources for entity in source.columns_by_entity}
    return [{"entity": each.name, "key": ", ".join(each.keys)} for each in known.values()]


def _view(view: FeatureView) -> dict[str, Any]:
    return {
        "feature view": view.name,
        "entity": view.of.name,
        "source": view.source.name,
        "features": len(view.features),
        "refreshed": view.refreshed or "",
        "owner": view.owner or "",
    }


def _features(project: Project) -> Iterator[dict[str, Any]]:
    """The features of views, then what services add: values sent with a question, and derived."""
    for name, view in project.views.items():
        declared = {feature.name: feature for feature in view.view.features}
        for feature in view.features:
            own = declared[feature.name]
            yield _feature(name, feature, str(own.over or "request"), own.expression)
    for name, service in project.services.items():
        texts = {each.name: each.expression for each in service.items if isinstance(each, Derived)}
        for feature in project.compiled(service).features:
            if feature.kind in ("given", "derived"):
                yield _feature(name, feature, feature.kind, texts.get(feature.name, ""))


def _feature(of: str, feature: CompiledFeature, kind: str, expression: str) -> dict[str, Any]:
    return {
        "feature": feature.name,
        "of": of,
        "type": str(feature.datatype),
        "kind": kind,
        "expression": expression,
    }


def _service(service: FeatureService) -> dict[str, Any]:
    return {
        "feature service": service.name,
        "views": ", ".join(view.name for view in service.views),
        "owner": service.owner or "",
    }


def _model(model: Model) -> dict[str, Any]:
    return {
        "model": model.name,
        "task": model.task,
        "label": model.target.column,
        "learns from": model.events.name,
        "features of": ", ".join(view.name for view in model.service.views),
    }
