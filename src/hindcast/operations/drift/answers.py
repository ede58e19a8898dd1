"""Answers of a release, as its task reads them: scores, what they are about, and slices."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hindcast.audit.prediction_log import reader
from hindcast.data.training_rows import column_texts
from hindcast.models.tasks import choice
from hindcast.models.tasks.base import Reals, Task
from hindcast.releases.contents import ReleaseContents
from hindcast.serving import questions
from hindcast.serving.requests import Question
from hindcast.stores.lake import Lake

# More than these say no more of a metric than a sample does.
MOST = 50_000


@dataclass(frozen=True)
class Answers:
    """Rows of the prediction log, in the order of their instants, and the release they are of."""

    release: ReleaseContents
    rows: pa.Table

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    @cached_property
    def task(self) -> Task:
        """The release's."""
        return choice.of_plan(self.release.plan)

    @cached_property
    def scores(self) -> Reals:
        """What was answered, [rows] or [rows, classes]."""
        answers = self.rows["answer"].to_pylist()
        # Rows from before there were others than binary ones have a column instead.
        older = self.rows["probability"].to_pylist()
        pairs = zip(answers, older, strict=True)
        found = [json.loads(each) if each else {"probability": p} for each, p in pairs]
        return self.task.logged(found)

    @property
    def entities(self) -> NDArray[Any]:
        """Whom each is about, as text; what is about nobody is alone, by its own id."""
        ids, own = self.rows["id"].to_pylist(), self.rows["prediction_id"].to_pylist()
        return np.array([key or other for key, other in zip(ids, own, strict=True)], dtype=object)

    @property
    def questions(self) -> list[Question]:
        """What was asked; of rows with keys alone."""
        pairs = zip(self.rows["id"].to_pylist(), self.rows["request"].to_pylist(), strict=True)
        return [questions.of_log(key, request, self.release.plan) for key, request in pairs]

    def about_entities(self) -> "Answers":
        """Those with keys: a caller who sends all values says nothing of whom they are."""
        return Answers(self.release, self.rows.filter(self.rows["id"].is_valid()))

    def take(self, places: Sequence[int] | NDArray[np.int64]) -> "Answers":
        """Some of them, by place."""
        return Answers(self.release, self.rows.take(pa.array(places, pa.int64())))

    def slices(self, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Feature -> its value in each row as text, of those wanted that the release reads."""
        types, read = self.release.service.types, set(self.release.service.names)
        values = [json.loads(text) for text in self.rows["features"].to_pylist()]
        return {
            name: column_texts(_column([row[name] for row in values], str(types[name])))
            for name in wanted
            if name in read and not types[name].is_array
        }


def of_release(release: ReleaseContents, lake: Lake, since: datetime, until: datetime) -> Answers:
    """A release's answers with their features, since an instant, until another; at most MOST."""
    return Answers(release, reader.answers_of(lake, release.id, since, until, MOST))


def _column(values: list[Any], kind: str) -> pa.ChunkedArray:
    """As training reads the feature, so that its text is that of the release's slices."""
    arrow = {"bigint": pa.int64(), "boolean": pa.bool_(), "double": pa.float64()}.get(kind)
    given = values if arrow is not None else [None if v is None else str(v) for v in values]
    return pa.chunked_array([pa.array(given, arrow or pa.string())])
