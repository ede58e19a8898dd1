"""A batch as an event asks for it: its YAML in a file, on S3 or in the event, and new data."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from hindcast.errors import InputError
from hindcast.formats.objects import local
from hindcast.operations.batch import config
from hindcast.operations.batch.config import BatchFile

FIELDS = ("config", "data", "run", "as_of", "known_by")
IN_EVENT = "the event's config"


def requested(event: Mapping[str, Any]) -> BatchFile:
    """The batch that an event names; raises InputError as reading its YAML does.

    config: a file that is mounted, an s3:// address, or the YAML itself, as text or as the document
    that it stands for. data: an s3:// address that comes in place of the source's, for a batch that
    new data start. as_of, known_by: in place of the YAML's.
    """
    if unknown := [name for name in event if name not in FIELDS]:
        raise InputError(f"{unknown[0]}: unknown in a batch's event; it has {', '.join(FIELDS)}")
    batch = _read(event.get("config"))
    if event.get("data"):
        batch = _of_data(batch, str(event["data"]))
    clocks = {name: event[name] for name in ("as_of", "known_by") if event.get(name)}
    return _parsed({**yaml.safe_load(batch.text), **clocks}, batch.name) if clocks else batch


def _read(given: Any) -> BatchFile:
    if isinstance(given, Mapping):
        return _parsed(given, IN_EVENT)
    if not isinstance(given, str) or not given.strip():
        raise InputError("config: missing; give a file, an s3:// address or the YAML itself")
    if "\n" in given:
        return config.parse(given, IN_EVENT)
    with local(given) as path:
        return replace(config.read(path), name=given)


def _parsed(document: Mapping[str, Any], name: str) -> BatchFile:
    return config.parse(yaml.safe_dump(dict(document), sort_keys=False), name)


def _of_data(batch: BatchFile, uri: str) -> BatchFile:
    """The same batch with a source of that object."""
    if batch.config.data.source.type != "s3":
        raise InputError(f"{batch.name}: data.source is no s3, so new data cannot take its place")
    document = yaml.safe_load(batch.text)
    document["data"]["source"]["params"]["uri"] = uri
    return _parsed(document, batch.name)
