"""What a project declares and what is known of it: sources, views with their features, models."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.compiler.features import CompiledFeature, CompiledView
from hindcast.compiler.service import CompiledService
from hindcast.definitions import Model, Source
from hindcast.errors import NotFoundError, ReleaseError
from hindcast.releases import contents
from hindcast.stores.online import Swap, ViewVersion


@dataclass(frozen=True)
class SourceEntry:
    """A source; rows: records that were accepted, retractions too, None before the first."""

    name: str
    entities: Mapping[str, tuple[str, ...]]
    event_timestamp: str
    recorded_at: str | None
    tiebreaker: str | None
    columns: Mapping[str, str]
    checks: tuple[str, ...]
    rows: int | None


@dataclass(frozen=True)
class FeatureEntry:
    """A feature of a view, a value sent with a question, or a derived feature.

    null_share: of the online rows, 0 to 1; None before they are there. distribution: per column
    the histogram that a champion was trained on, where one reads it. models: who reads it.
    """

    name: str
    type: str
    expression: str
    seen: str
    null_share: float | None
    distribution: Mapping[str, Any]
    models: tuple[str, ...]


@dataclass(frozen=True)
class ViewEntry:
    """A feature view and its version online, as of which instant and of how many entities."""

    name: str
    source: str
    entity: str
    keys: tuple[str, ...]
    owner: str | None
    tags: tuple[str, ...]
    description: str | None
    refreshed: str | None
    ttl_seconds: float | None
    definition_hash: str
    as_of: datetime | None
    rows: int | None
    features: tuple[FeatureEntry, ...]


@dataclass(frozen=True)
class ModelEntry:
    """A model: what it learns from which events, what it reads, and which release answers."""

    name: str
    task: str
    label: str
    events: str
    views: tuple[str, ...]
    keys: tuple[str, ...]
    request: Mapping[str, str]
    derived: tuple[FeatureEntry, ...]
    champion: str | None
    is_default: bool


@dataclass(frozen=True)
class Catalogue:
    """All of a project, in the order of its definitions.

    services: feature service -> the views that it reads.
    """

    sources: tuple[SourceEntry, ...]
    views: tuple[ViewEntry, ...]
    models: tuple[ModelEntry, ...]
    services: Mapping[str, tuple[str, ...]]


def catalogue(application: Application) -> Catalogue:
    """Read definitions, lake, online store and champions; raises StoreUnavailableError."""
    return _Reader(application).read()


class _Reader:
    """One look at a project; what several entries tell of is read once."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._project = application.project
        self._champions = {name: _champion(application, name) for name in self._project.models}

    def read(self) -> Catalogue:
        project = self._project
        return Catalogue(
            sources=tuple(map(self._source, project.sources.values())),
            views=tuple(map(self._view, project.views.values())),
            models=tuple(map(self._model, project.models.values())),
            services={name: tuple(_views(project.service(name))) for name in project.services},
        )

    @cached_property
    def _services(self) -> dict[str, CompiledService]:
        """Model -> what it reads."""
        return {name: self._project.service_of(m) for name, m in self._project.models.items()}

    @cached_property
    def _online(self) -> Mapping[ViewVersion, Swap]:
        return self._application.store.materialized()

    @cached_property
    def _histograms(self) -> dict[str, Mapping[str, Any]]:
        """Model -> the histograms of what its champion was trained on, by column."""
        return {
            model: _histograms(self._application, release)
            for model, release in self._champions.items()
            if release
        }

    def _source(self, source: Source) -> SourceEntry:
        table = self._application.lake.find(names.RAW, source.name)
        return SourceEntry(
            name=source.name,
            entities={
                entity.name: source.key_columns(entity) for entity in source.columns_by_entity
            },
            event_timestamp=source.event_timestamp,
            recorded_at=source.recorded_at,
            tiebreaker=source.tiebreaker if source.has_tiebreaker else None,
            columns=dict(source.schema),
            checks=tuple(check.expression for check in source.checks),
            rows=None if table is None else table.count(),
        )

    def _view(self, compiled: CompiledView) -> ViewEntry:
        view, online = compiled.view, self._online.get(ViewVersion.of(compiled))
        rates = online.null_rates if online else {}
        return ViewEntry(
            name=view.name,
            source=view.source.name,
            entity=view.of.name,
            keys=view.keys,
            owner=view.owner,
            tags=tuple(view.tags),
            description=view.description,
            refreshed=view.refreshed,
            ttl_seconds=view.ttl.total_seconds() if view.ttl else None,
            definition_hash=compiled.definition_hash,
            as_of=online.as_of if online else None,
            rows=online.rows if online else None,
            features=tuple(self._feature(each, view.name, rates) for each in compiled.features),
        )

    def _feature(
        self, feature: CompiledFeature, view: str | None, rates: Mapping[str, float]
    ) -> FeatureEntry:
        models = tuple(self._readers(feature, view))
        return FeatureEntry(
            name=feature.name,
            type=str(feature.datatype),
            expression=feature.tree.sql(dialect="duckdb"),
            seen=feature.seen,
            null_share=rates.get(feature.name),
            distribution=self._distribution(feature, models),
            models=models,
        )

    def _readers(self, feature: CompiledFeature, view: str | None) -> Iterator[str]:
        for model, service in self._services.items():
            of_view = view is None or view in _views(service)
            if of_view and feature.name in service.names:
                yield model

    def _distribution(self, feature: CompiledFeature, models: Iterable[str]) -> dict[str, Any]:
        for model in models:
            known = self._histograms.get(model, {})
            if found := {name: known[name] for name in feature.columns if name in known}:
                return found
        return {}

    def _model(self, model: Model) -> ModelEntry:
        service = self._services[model.name]
        return ModelEntry(
            name=model.name,
            task=model.task,
            label=model.target.column,
            events=model.events.name,
            views=tuple(_views(service)),
            keys=tuple(service.keys),
            request={name: str(kind) for name, kind in service.given.items()},
            derived=tuple(self._feature(each, None, {}) for each in service.derived),
            champion=self._champions[model.name],
            is_default=model is self._project.default_model,
        )


def _views(service: CompiledService) -> list[str]:
    return [view.view.name for view in service.views]


def _champion(application: Application, model: str) -> str | None:
    found = application.ledger.champion(model)
    return found.release if found else None


def _histograms(application: Application, release: str) -> Mapping[str, Any]:
    """By column; none of a release whose folder is gone or damaged, which hides nothing else."""
    try:
        found = contents.read(application.release_folder(release))
    except (NotFoundError, ReleaseError):
        return {}
    features: Mapping[str, Any] = json.loads(found.files[contents.HISTOGRAMS])["features"]
    return features
