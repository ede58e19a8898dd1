"""Answers as events: one CloudEvent each, on a bus of EventBridge."""

import json
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from hindcast.errors import StoreUnavailableError
from hindcast.operations.batch.parts import PartContext
from hindcast.operations.batch.values import Strict
from hindcast.stores import aws

SOURCE, TYPE, FAILED = "hindcast", "Predicted", "NotPredicted"
# What EventBridge takes in one call.
ENTRIES = 10


class EventsTargetParams(Strict):
    """bus: the name or ARN of an EventBridge bus."""

    bus: str


class EventsTarget:
    """An event for each row, whose id is of the run and the row: what comes twice has one id."""

    Params = EventsTargetParams

    def __init__(self, params: EventsTargetParams, context: PartContext) -> None:
        """Find how many chunks were sent."""
        self._bus, self._context = params.bus, context
        folder = context.application.settings.home / "batch"
        folder.mkdir(parents=True, exist_ok=True)
        self._sent = folder / f"{context.run}.sent"
        self.facts: Mapping[str, Any] = {"bus": params.bus}

    def written(self) -> int:
        """How many chunks were sent to their end."""
        return int(self._sent.read_text()) if self._sent.exists() else 0

    def write(self, chunk: int, answers: pa.Table, errors: pa.Table) -> None:
        """Send a chunk; raises StoreUnavailableError where EventBridge does not take all of it."""
        for type, rows in ((TYPE, answers), (FAILED, errors)):
            found = rows.to_pylist()
            for start in range(0, len(found), ENTRIES):
                place = f"{self._context.run}-{chunk}-{type}"
                some = enumerate(found[start : start + ENTRIES], start)
                self._send([self._entry(type, f"{place}-{row}", data) for row, data in some])
        part = self._sent.with_suffix(".part")
        part.write_text(str(chunk + 1))
        part.replace(self._sent)

    def finish(self) -> None:
        """Every chunk is sent already."""

    def close(self) -> None:
        """Nothing is open."""

    def _entry(self, type: str, id: str, data: Mapping[str, Any]) -> dict[str, Any]:
        detail = {
            "specversion": "1.0",
            "id": id,
            "source": SOURCE,
            "type": type,
            "time": self._context.now.isoformat(),
            "datacontenttype": "application/json",
            "data": data,
        }
        return {
            "EventBusName": self._bus,
            "Source": SOURCE,
            "DetailType": type,
            "Detail": json.dumps(detail, default=str),
        }

    def _send(self, entries: list[dict[str, Any]]) -> None:
        with aws.one_error(f"event bus {self._bus}"):
            bus = aws.client("events", aws.region_of(self._bus))
            answer = bus.put_events(Entries=entries)
        if answer["FailedEntryCount"]:
            why = next(each["ErrorMessage"] for each in answer["Entries"] if "ErrorCode" in each)
            raise StoreUnavailableError(f"event bus {self._bus}: {why}; run it again")
