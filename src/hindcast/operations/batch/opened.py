"""The parts of a batch, opened and checked against each other; nothing is read yet."""

from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

from hindcast.errors import HindcastError, InputError
from hindcast.operations.batch import registry
from hindcast.operations.batch.config import BatchFile
from hindcast.operations.batch.parts import (
    RELEASE,
    RUN,
    BatchModel,
    BatchSource,
    BatchTarget,
    PartContext,
)
from hindcast.stores.ledger import documents


@dataclass(frozen=True)
class OpenParts:
    """The opened parts of a batch."""

    model: BatchModel
    source: BatchSource
    target: BatchTarget

    @classmethod
    def open(cls, batch: BatchFile, context: PartContext) -> "OpenParts":
        """Open all three, nothing being read yet; raises what they raise, and InputError for a
        column that the model reads and the source lacks."""
        kinds: tuple[registry.Kind, ...] = ("model", "source", "target")
        # What is open is closed again where another part, or a check, fails.
        with ExitStack() as stack:
            parts = cls(
                *(stack.enter_context(closing(made(batch, each, context))) for each in kinds)
            )
            _check_columns(parts, batch.config.data.keep)
            _check_same(parts, context)
            if batch.config.part("source").type == "delta":
                _check_recorded(parts.source, context)
            stack.pop_all()
        return parts

    def close(self) -> None:
        """Close all three."""
        with closing(self.source), closing(self.model), closing(self.target):
            pass

    def kept(self, keep: Sequence[str] | None) -> Sequence[str]:
        """The source's columns beside the answers: those named, else the model's keys, else all."""
        return keep if keep is not None else self.model.keys or self.source.columns

    @property
    def facts(self) -> dict[str, Any]:
        """Which data, model and target these are."""
        return {
            "model": dict(self.model.facts),
            "source": dict(self.source.facts),
            "target": dict(self.target.facts),
        }


def made(batch: BatchFile, kind: registry.Kind, context: PartContext) -> Any:
    """A part by its class; whatever a user's own class raises is one line."""
    part = batch.config.part(kind)
    try:
        return registry.find(kind, part.type).make(batch.params[kind], context)
    except HindcastError:
        raise
    except Exception as error:
        raise InputError(f"{kind} {part.type}: {type(error).__name__}: {error}") from error


def _check_columns(parts: OpenParts, keep: list[str] | None) -> None:
    """Raise InputError for a column that is wanted and that the source has not."""
    held = list(parts.source.columns)
    if twice := [name for name in held if held.count(name) > 1]:
        raise InputError(f"data.source: column '{twice[0]}' is there twice; rename one")
    if taken := [name for name in parts.kept(keep) if name in (RELEASE, RUN)]:
        raise InputError(
            f"data.keep: every target has a column '{taken[0]}' of its own; leave it out"
        )
    wanted = {"the model reads": parts.model.reads, "data.keep names": keep or ()}
    for who, columns in wanted.items():
        if missing := [name for name in columns if name not in held]:
            close = registry.meant(missing[0], held)
            raise InputError(
                f"data.source: {who} column '{missing[0]}', and the source has "
                f"{', '.join(held)}{close}"
            )


def _check_recorded(source: BatchSource, context: PartContext) -> None:
    """Raise DamagedError where a table of the lake is not as the ledger recorded it."""
    lake, name = context.application.lake.place(source.facts["table"])
    lake.find(*name, version=source.facts["version"])


def _check_same(parts: OpenParts, context: PartContext) -> None:
    """Raise InputError where a run that was begun before would go on with other data or models."""
    facts = documents.document(parts.facts)
    for kind, before in context.begun.items():
        if facts[kind] != before and (kind != "source" or parts.source.is_repeatable):
            raise InputError(
                f"the {kind} is not what run '{context.run}' was begun with; give another id"
            )
