"""A logged answer against the recomputed one, bit for bit."""

import json
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from hindcast.serving.prediction_lines import exact
from hindcast.serving.scores import Score
from hindcast.serving.values import Value

Outcome = Literal["match", "mismatch", "missing"]
TOLERANCE = 1e-12
SHOWN = 20


@dataclass(frozen=True)
class Compared:
    """One value of an answer; missing where one side has a value and the other has none."""

    name: str
    logged: Value
    recomputed: Value
    outcome: Outcome


@dataclass(frozen=True)
class Replayed:
    """One prediction, recomputed; doubt: why its line is not proven to be the deployment's own."""

    prediction_id: str
    release: str
    instant: str
    values: tuple[Compared, ...]
    doubt: str | None = None

    @property
    def is_same(self) -> bool:
        """Whether every value is the same, bit for bit."""
        return all(value.outcome == "match" for value in self.values)

    @property
    def matches(self) -> bool:
        """Whether every value is the same, and the line was proven to be what was answered."""
        return self.is_same and self.doubt is None


@dataclass(frozen=True)
class SkewReport:
    """Many predictions, recomputed: per value how many match, differ or are missing.

    differing: the first predictions that do. doubts: why lines are not proven to be the
    deployment's own, and how many; they do not count as matching. impossible: why others could not
    be recomputed, and how many.
    """

    predictions: int
    matching: int
    values: Mapping[str, Mapping[Outcome, int]]
    differing: tuple[str, ...]
    impossible: Mapping[str, int]
    doubts: Mapping[str, int]

    @property
    def compared(self) -> int:
        """How many values were compared."""
        return sum(sum(counts.values()) for counts in self.values.values())

    @property
    def unlike(self) -> int:
        """How many of them are not the same."""
        return self.compared - sum(counts["match"] for counts in self.values.values())


def settle(
    logged: Mapping[str, Value], again: Mapping[str, Value], rounded: Collection[str]
) -> dict[str, Value]:
    """The recomputed values, those of `rounded` as logged where only their rounding differs.

    A sum of doubles depends on the order of adding, which no engine promises; they are held to
    TOLERANCE, as the engines are to each other. Every other value must be the same bits.
    """
    return {
        name: logged.get(name) if name in rounded and _is_close(logged.get(name), value) else value
        for name, value in again.items()
    }


def compare(row: Mapping[str, Any], vector: Mapping[str, Value] | None, score: Score) -> Replayed:
    """A row of the prediction log against the vector and score that were computed again."""
    logged: Mapping[str, Value] = json.loads(row["features"])
    again = exact(vector or {})
    order = [*again, *(name for name in logged if name not in again)]
    values = [_compared(name, logged.get(name), again.get(name)) for name in order]
    answer, scored = _values(_answer(row)), _values(score.document)
    order = [*scored, *(name for name in answer if name not in scored)]
    values += [_compared(name, answer.get(name), scored.get(name)) for name in order]
    return Replayed(row["prediction_id"], row["release"], row["instant"].isoformat(), tuple(values))


def summarize(
    replayed: Sequence[Replayed], impossible: Mapping[str, int] | None = None
) -> SkewReport:
    """Counts per value, and the first predictions that differ."""
    counts: dict[str, dict[Outcome, int]] = {}
    for prediction in replayed:
        for value in prediction.values:
            counts.setdefault(value.name, {"match": 0, "mismatch": 0, "missing": 0})
            counts[value.name][value.outcome] += 1
    differing = [prediction.prediction_id for prediction in replayed if not prediction.is_same]
    return SkewReport(
        predictions=len(replayed),
        matching=sum(prediction.matches for prediction in replayed),
        values=counts,
        differing=tuple(differing[:SHOWN]),
        impossible=dict(impossible or {}),
        doubts=dict(Counter(p.doubt for p in replayed if p.doubt is not None)),
    )


def _answer(row: Mapping[str, Any]) -> dict[str, Any]:
    """What was answered; rows collected before there were other tasks are of binary models."""
    if row.get("answer") is None:
        return {name: row[name] for name in ("prediction", "probability")}
    answer: dict[str, Any] = json.loads(row["answer"])
    return answer


def _values(answer: Mapping[str, Any]) -> dict[str, Value]:
    """The values of an answer by name, such as probability, probabilities.late, interval.0."""
    found: dict[str, Value] = {}
    for name, value in exact(answer).items():
        parts = dict(enumerate(value)) if isinstance(value, list) else value
        if isinstance(parts, dict):
            found |= {f"{name}.{part}": item for part, item in parts.items()}
        else:
            found[name] = value
    return found


def _compared(name: str, logged: Value, recomputed: Value) -> Compared:
    return Compared(name, logged, recomputed, _outcome(logged, recomputed))


def _is_close(logged: Value, recomputed: Value) -> bool:
    return (
        isinstance(logged, float)
        and isinstance(recomputed, float)
        and math.isclose(logged, recomputed, rel_tol=TOLERANCE)
    )


def _outcome(logged: Value, recomputed: Value) -> Outcome:
    if (logged is None) != (recomputed is None):
        return "missing"
    # JSON keeps every double, so == is the comparison of bits; 0.0 and -0.0 are told apart by sign.
    return "match" if repr(logged) == repr(recomputed) else "mismatch"
