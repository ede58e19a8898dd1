"""Answers as events of the outbox: PredictionsReady with some of them in each."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import pyarrow as pa
from pydantic import Field

from hindcast.operations.batch.parts import RELEASE, PartContext
from hindcast.operations.batch.targets.spool import SpooledTarget
from hindcast.operations.batch.values import Strict
from hindcast.stores.ledger import documents
from hindcast.stores.ledger.events import Announcement

TARGET = "events"


class EventsTargetParams(Strict):
    """rows: answers in one event, of which EventBridge takes 256 KB."""

    rows: Annotated[int, Field(ge=1, le=1000)] = 100


class EventsTarget(SpooledTarget):
    """An event has its run and place as its id, so that the outbox takes it once."""

    Params = EventsTargetParams

    def __init__(self, params: EventsTargetParams, context: PartContext) -> None:
        super().__init__(context)
        self._rows_each, self._context = params.rows, context
        self.facts: Mapping[str, Any] = {"target": TARGET}

    def publish(self, answers: pa.RecordBatchReader) -> None:
        """Put the answers into the outbox, for whoever subscribes to PredictionsReady."""
        self._add("predictions", answers)

    def publish_errors(self, errors: pa.RecordBatchReader) -> None:
        """The same for the rows without an answer."""
        self._add("unanswered", errors)

    def _add(self, kind: str, rows: pa.RecordBatchReader) -> None:
        outbox = self._context.application.ledger.outbox
        for part, some in enumerate(self._parted(rows)):
            event = Announcement(
                "PredictionsReady", self._context.run, self._data(kind, part, some)
            )
            outbox.add({f"{self._context.run}-{kind}-{part}": event})

    def _parted(self, rows: pa.RecordBatchReader) -> Iterator[list[dict[str, Any]]]:
        for batch in rows:
            for start in range(0, batch.num_rows, self._rows_each):
                yield batch.slice(start, self._rows_each).to_pylist()

    def _data(self, kind: str, part: int, rows: list[dict[str, Any]]) -> dict[str, Any]:
        answered = kind == "predictions"
        return documents.document(
            {
                "run": self._context.run,
                "model": rows[0].get(RELEASE, ""),
                "release": rows[0].get(RELEASE),
                "target": TARGET,
                "rows": len(rows) if answered else 0,
                "errors": 0 if answered else len(rows),
                "as_of": self._context.as_of,
                "part": part,
                kind: rows,
            }
        )
