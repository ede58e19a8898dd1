"""What a check measures, what of it moved, and what it could not judge."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

Kind = Literal["feature", "score", "performance", "volume", "age"]
# Which rows: answers of the prediction log, or events of the newest materialization.
Population = Literal["served", "materialized"]
Subject = tuple[str, str, str | None, str, str]


@dataclass(frozen=True)
class Period:
    """The rows of one check: from `since` on, before `until`."""

    since: datetime
    until: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since


@dataclass(frozen=True)
class Measurement:
    """One statistic of one subject. name: a feature's column, "score", a metric...

    slice: "feature = value", None for all rows. limit: below it, it is no drift; None where it is
    only shown. p_value: how likely it would be that large without any drift; None where the value
    itself is sure.
    """

    kind: Kind
    name: str
    slice: str | None
    population: Population
    statistic: str
    value: float
    limit: float | None
    p_value: float | None
    reference_rows: int
    current_rows: int
    note: str | None = None

    @property
    def subject(self) -> Subject:
        """What tells it from the others of a check, and is the same in the next."""
        return (self.kind, self.name, self.slice, self.population, self.statistic)


@dataclass(frozen=True)
class DriftFinding:
    """What moved in a window. alert: whether it did so in enough windows in a row.

    since: the start of the first window in a row that it moved in.
    """

    model: str
    kind: Kind
    name: str
    slice: str | None
    population: Population
    statistic: str
    value: float
    p_value: float | None
    reference_rows: int
    current_rows: int
    note: str | None
    alert: bool
    windows: int
    since: datetime

    @property
    def subject(self) -> Subject:
        """As of its measurement."""
        return (self.kind, self.name, self.slice, self.population, self.statistic)


@dataclass(frozen=True)
class Unjudged:
    """What a check cannot tell of, and why: a population, a slice or a feature."""

    name: str
    reason: str


@dataclass(frozen=True)
class Histogram:
    """Rows of a column, or of its slice, as the release knew them and in the window.

    labels: of each bin, for people; known, current: [bins].
    """

    name: str
    slice: str | None
    population: Population
    labels: tuple[str, ...]
    known: tuple[int, ...]
    current: tuple[int, ...]


@dataclass(frozen=True)
class Found:
    """What one kind of examination found."""

    measurements: tuple[Measurement, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()
    # Population -> its rows in the window.
    rows: tuple[tuple[str, int], ...] = ()
    histograms: tuple[Histogram, ...] = ()

    @classmethod
    def together(cls, parts: Iterable["Found"]) -> "Found":
        """All that several examinations found."""
        found = list(parts)
        return cls(
            tuple(each for part in found for each in part.measurements),
            tuple(each for part in found for each in part.unjudged),
            tuple(each for part in found for each in part.rows),
            tuple(each for part in found for each in part.histograms),
        )


@dataclass(frozen=True)
class DriftReport:
    """A check. rows: of each population. findings: what moved. alerts: how many of them are one.

    page: the address of the HTML file that shows it all.
    """

    run: str
    model: str
    release: str
    since: datetime
    until: datetime
    rows: Mapping[str, int]
    alerts: int
    findings: tuple[DriftFinding, ...]
    unjudged: tuple[Unjudged, ...]
    page: str
