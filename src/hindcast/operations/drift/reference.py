"""A release's reference histograms, as counts that those of a window lie beside."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hindcast.releases.contents import HISTOGRAMS, ReleaseContents

SCORE = "score"


@dataclass(frozen=True)
class Counts:
    """Rows of one column. bins: [bins], none of them null or unseen.

    unseen: rows with a value that training had none of: below or above its numbers, or a category
    of another name. examples: such categories, the commonest first.
    """

    bins: NDArray[np.int64]
    unseen: tuple[int, ...] = ()
    nulls: int = 0
    examples: tuple[str, ...] = ()

    @property
    def all(self) -> NDArray[np.int64]:
        """Every value that is there, in order where values have one: [bins + unseen]."""
        if len(self.unseen) == 2:
            return np.concatenate([self.unseen[:1], self.bins, self.unseen[1:]])
        return np.concatenate([self.bins, np.array(self.unseen, dtype=np.int64)])

    @property
    def present(self) -> int:
        """Rows with a value."""
        return int(self.bins.sum()) + sum(self.unseen)

    @property
    def rows(self) -> int:
        """All rows."""
        return self.present + self.nulls


@dataclass(frozen=True)
class Bins:
    """How values of a column are counted: numbers between edges, or categories by name.

    edges: ascending, a bin from each to the next, the last one closed; two equal ones at the end
    are the bin of that value. rest: whether training had more categories than it kept names of,
    which are counted together.
    """

    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()
    rest: bool = False
    is_numeric: bool = True

    @classmethod
    def of(cls, histogram: Mapping[str, Any]) -> "Bins":
        """Those of a histogram as a release has it."""
        if histogram["kind"] == "numeric":
            return cls(edges=tuple(histogram["edges"]))
        # The empty text is no value, and is among the nulls.
        categories = tuple(name for name in histogram["counts"] if name)
        return cls(categories=categories, rest=histogram["other"] > 0, is_numeric=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """What each of a column's counts is of, for people; as `Counts.all` has them."""
        if not self.is_numeric:
            return (*self.categories, "all others" if self.rest else "not seen before")
        if not self.edges:
            return ("below", "above")
        spans = [
            _text(low) if low == high else f"{_text(low)} to {_text(high)}"
            for low, high in pairwise(self.edges)
        ]
        return (f"below {_text(self.edges[0])}", *spans, f"above {_text(self.edges[-1])}")

    def counts(self, histogram: Mapping[str, Any]) -> Counts:
        """A histogram of these bins as a release has it."""
        if self.is_numeric:
            return Counts(_array(histogram["counts"]), (0, 0), histogram["nulls"])
        held = histogram["counts"]
        bins = [held.get(name, 0) for name in self.categories]
        rest, unseen = ([histogram["other"]], ()) if self.rest else ([], (0,))
        return Counts(_array([*bins, *rest]), unseen, histogram["nulls"])


@dataclass(frozen=True)
class Slice:
    """The rows whose feature has a value, as text."""

    feature: str
    value: str

    def __str__(self) -> str:
        """As people read it."""
        return f"{self.feature} = {self.value or '(none)'}"


@dataclass(frozen=True)
class Reference:
    """What a release was trained on, and what it answered on its holdout.

    bins: of each column that the model reads, and of its score. counts: of all rows, under None,
    and of each slice.
    """

    bins: Mapping[str, Bins]
    counts: Mapping[Slice | None, Mapping[str, Counts]]

    @property
    def slices(self) -> Mapping[str, tuple[str, ...]]:
        """Feature -> its values."""
        found: dict[str, tuple[str, ...]] = {}
        for each in self.counts:
            if each is not None:
                found[each.feature] = (*found.get(each.feature, ()), each.value)
        return found

    def only(self, columns: Iterable[str]) -> "Reference":
        """Some of the columns."""
        names = set(columns)
        return Reference(
            {name: each for name, each in self.bins.items() if name in names},
            {
                of: {name: each for name, each in counts.items() if name in names}
                for of, counts in self.counts.items()
            },
        )


def of_release(release: ReleaseContents) -> Reference:
    """The histograms of a release; one from before they were kept by slice has none of slices."""
    document = json.loads(release.files[HISTOGRAMS])
    whole = {**document["features"], SCORE: document["scores"]}
    bins = {name: Bins.of(each) for name, each in whole.items()}
    counts: dict[Slice | None, Mapping[str, Counts]] = {None: _counts(bins, whole)}
    for feature, values in document.get("slices", {}).items():
        for value, part in values.items():
            found = {**part["features"], SCORE: part["scores"]}
            counts[Slice(feature, value)] = _counts(bins, found)
    return Reference(bins, counts)


def _counts(bins: Mapping[str, Bins], found: Mapping[str, Any]) -> dict[str, Counts]:
    return {name: each.counts(found[name]) for name, each in bins.items()}


def _text(number: float) -> str:
    """A number with four digits, or all of a long one before its point."""
    return f"{number:,.0f}" if 1e3 <= abs(number) < 1e12 else f"{number:.4g}"


def _array(counts: Iterable[int]) -> NDArray[np.int64]:
    return np.array(list(counts), dtype=np.int64)
