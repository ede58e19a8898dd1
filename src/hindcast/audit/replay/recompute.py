"""From the lake to what was served: feature vectors and scores of past instants."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from hindcast import names
from hindcast.bootstrap import engine
from hindcast.compiler.query import Knowledge
from hindcast.compiler.statement import ASKED_AT
from hindcast.data import retrieve
from hindcast.data.retrieve import Materialized, Retrieved
from hindcast.errors import NotFoundError
from hindcast.formats.spine_file import Rows
from hindcast.releases import contents
from hindcast.releases.contents import ReleaseContents
from hindcast.serving import release as releases
from hindcast.serving.requests import Question
from hindcast.serving.scorer import Scorer
from hindcast.serving.scores import Score
from hindcast.serving.values import Value
from hindcast.stores.lake import Lake


@dataclass(frozen=True)
class PastQuestion:
    """What was asked, the instant of the stored features, and the instant of the request."""

    question: Question
    features_as_of: datetime
    asked_at: datetime


class Recomputer:
    """Computes the vectors and scores of one release again."""

    def __init__(self, folder: Path, lake: Lake) -> None:
        self.contents: ReleaseContents = contents.read(folder)
        self.names = self.contents.plan.names
        self.service = self.contents.service
        self.rounded = {f.name for f in self.service.features if self.service.adds_doubles(f)}
        self._answers_unknown = self.contents.manifest.get("cold_start") == "answer"
        self._lake = lake
        self._scorer = Scorer(releases.load(folder))

    def vectors_as_of(
        self, questions: Sequence[PastQuestion], known_by: datetime | None
    ) -> list[dict[str, Value] | None]:
        """The model's features for each question, in its order.

        known_by: of all rows; by default each row's own instant. None for a key without history,
        unless the release answers those too (cold_start).
        """
        rows = Rows(self._spine(questions))
        found = retrieve.retrieve(self.service, engine("duckdb"), self._lake, rows, known_by)
        return self._served(found)

    def vectors_served(
        self, questions: Sequence[PastQuestion], materialized: Mapping[str, Materialized]
    ) -> list[dict[str, Value] | None]:
        """The same, of each view as it was materialized."""
        rows = Rows(self._spine(questions))
        return self._served(
            retrieve.as_materialized(self.service, engine("duckdb"), self._lake, rows, materialized)
        )

    def score(self, vector: Iterable[Value]) -> Score:
        """The release's answer for a vector in the plan's order."""
        return self._scorer.score(list(vector))

    def _served(self, found: Retrieved) -> list[dict[str, Value] | None]:
        rows = found.table.select(self.names).to_pylist()
        return [
            {name: _served(value) for name, value in row.items()}
            if has_history or self._answers_unknown
            else None
            for row, has_history in zip(rows, found.has_history.to_pylist(), strict=True)
        ]

    def _spine(self, questions: Sequence[PastQuestion]) -> pa.Table:
        instant = pa.timestamp("us", tz="UTC")
        kinds = [*self.service.keys.items(), *self.service.given.items()]
        values = [(*each.question.keys, *each.question.given) for each in questions]
        asked = {
            name: pa.array([row[place] for row in values], kind.arrow())
            for place, (name, kind) in enumerate(kinds)
        }
        return pa.table(
            {
                **asked,
                names.AS_OF: pa.array([each.features_as_of for each in questions], instant),
                ASKED_AT: pa.array([each.asked_at for each in questions], instant),
            }
        )


def vector_as_of(recomputer: Recomputer, question: Question, clocks: Knowledge) -> dict[str, Value]:
    """The features of a question as of an instant; raises NotFoundError where it has no history.

    With clocks.per_row it is what was known at that instant, as in a training row.
    """
    known_by = None if clocks.per_row else clocks.known_by
    (vector,) = recomputer.vectors_as_of(
        [PastQuestion(question, clocks.as_of, clocks.as_of)], known_by
    )
    if vector is None:
        plan = recomputer.contents.plan
        asked = ", ".join(str(key) for key in question.keys)
        raise NotFoundError(
            f"{plan.entity} {asked} has no event before {clocks.as_of.isoformat()} known by "
            f"{(known_by or clocks.as_of).isoformat()}"
        )
    return vector


def _served(value: Any) -> Value:
    """A computed value as the driver hands it to a model when serving."""
    return float(value) if isinstance(value, Decimal) else value
