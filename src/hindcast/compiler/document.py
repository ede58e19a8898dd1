"""A feature view as a JSON document and back, so that a release can carry what it was made of."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from hindcast.definitions import Entity, Feature, FeatureView, Source, Window
from hindcast.errors import DefinitionError

FORMAT = 3
_MICROSECOND = timedelta(microseconds=1)


def to_document(view: FeatureView) -> dict[str, Any]:
    """Everything that gives the view's values their meaning; checks are left out.

    Checks decide which rows enter the lake, not what is computed from those that did.
    """
    return {
        "format": FORMAT,
        "entity": view.of.name,
        "source": source_document(view.source, [view.of]),
        "ttl": view.ttl and view.ttl // _MICROSECOND,
        "name": view.name,
        "refreshed": view.refreshed,
        "features": [
            {
                "name": feature.name,
                "expression": feature.expression,
                "over": feature.over and _window_document(feature.over),
            }
            for feature in view.features
        ],
    }


def source_document(source: Source, entities: Iterable[Entity]) -> dict[str, Any]:
    """A source with the entity that tells its events apart, and of the others those given."""
    held = dict.fromkeys([source.first, *entities])
    return {
        "name": source.name,
        "entities": [
            {"name": each.name, "key": each.keys, "columns": source.key_columns(each)}
            for each in held
        ],
        "event_timestamp": source.event_timestamp,
        "tiebreaker": source.tiebreaker,
        "recorded_at": source.recorded_at,
        "schema": {name: str(kind) for name, kind in source.types.items()},
        "label": source.label,
    }


def source_of(document: Mapping[str, Any]) -> Source:
    """The source a document describes."""
    entities = {
        Entity(each["name"], tuple(each["key"])): tuple(each["columns"])
        for each in document["entities"]
    }
    return Source(**{**document, "entities": entities})


def definition_hash(view: FeatureView) -> str:
    """A digest of everything that gives the view's values their meaning."""
    document = to_document(view)
    # What is learned from, and which of the computed values: neither changes what is computed.
    del document["source"]["label"], document["refreshed"]
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:16]


def from_document(document: Mapping[str, Any]) -> FeatureView:
    """The view a document describes; raises DefinitionError when it is none of this format."""
    try:
        if document["format"] != FORMAT:
            raise DefinitionError(
                f"the release's feature view is of format {document['format']}, and only "
                f"{FORMAT} is read; train the model again"
            )
        source = source_of(document["source"])
        ttl = document["ttl"]
        return FeatureView(
            document["name"],
            source,
            [_feature(feature) for feature in document["features"]],
            document["refreshed"],
            next(each for each in source.columns_by_entity if each.name == document["entity"]),
            ttl and ttl * _MICROSECOND,
        )
    except (KeyError, TypeError, StopIteration) as error:
        raise DefinitionError(
            f"the release's feature view cannot be read: {error!r}; train the model again"
        ) from error


def _feature(document: Mapping[str, Any]) -> Feature:
    over = document["over"]
    return Feature(document["name"], document["expression"], over and _window(over))


def _window_document(window: Window) -> dict[str, Any]:
    """Lengths in microseconds."""
    return {
        "kind": window.kind,
        "length": window.length and window.length // _MICROSECOND,
        "ending": window.ending // _MICROSECOND,
        "last": window.last,
    }


def _window(document: Mapping[str, Any]) -> Window:
    length, ending = document["length"], document["ending"] * _MICROSECOND
    return Window(document["kind"], length and length * _MICROSECOND, ending, document["last"])
