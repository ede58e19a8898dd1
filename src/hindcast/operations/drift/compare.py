"""Measure how far the histograms of a window are from a release's."""

from collections.abc import Iterator
from dataclasses import dataclass

from hindcast.definitions import Drift
from hindcast.operations.drift import statistics
from hindcast.operations.drift.counting import Counted
from hindcast.operations.drift.findings import (
    Found,
    Histogram,
    Measurement,
    Population,
    Unjudged,
)
from hindcast.operations.drift.reference import SCORE, Bins, Counts, Reference, Slice

PSI = "psi"
MISSING = "missing"
OUT_OF_RANGE = "out_of_range"
NEW_CATEGORIES = "new_categories"
FROZEN = "frozen"


def measure(
    reference: Reference, counted: Counted, population: Population, rows_of: str, drift: Drift
) -> Found:
    """Every statistic of every column, of all rows and of each slice that has enough of them.

    rows_of: what the rows are called.
    """
    measurements: list[Measurement] = []
    unjudged: list[Unjudged] = []
    histograms: list[Histogram] = []
    for part, columns in counted.items():
        rows = next((each.rows for each in columns.values()), 0)
        if rows < drift.least_rows:
            name = rows_of if part is None else f"{rows_of}, {part}"
            unjudged.append(Unjudged(name, f"{rows} rows, and {drift.least_rows} are needed"))
            continue
        for name, current in columns.items():
            known = reference.counts[part][name]
            pair = _Pair(name, part, population, reference.bins[name], known, current)
            measurements += pair.measurements(drift)
            histograms.append(pair.histogram)
    return Found(tuple(measurements), tuple(unjudged), histograms=tuple(histograms))


@dataclass(frozen=True)
class _Pair:
    """Counts of one column and slice: as the release knows them, and of the window."""

    name: str
    part: Slice | None
    population: Population
    bins: Bins
    known: Counts
    current: Counts

    @property
    def histogram(self) -> Histogram:
        """Both, for people to look at; nulls are the last bin."""
        return Histogram(
            self.name,
            None if self.part is None else str(self.part),
            self.population,
            (*self.bins.labels, "missing"),
            (*self.known.all.tolist(), self.known.nulls),
            (*self.current.all.tolist(), self.current.nulls),
        )

    def measurements(self, drift: Drift) -> Iterator[Measurement]:
        """What can be told of so many rows."""
        if self.known.rows < drift.least_rows:
            return
        yield self._missing(drift.missing)
        if min(self.known.present, self.current.present) >= drift.least_rows:
            yield from self._distribution(drift.psi)
            if not self.bins.rest:
                yield self._unseen(drift.outside)
            yield from self._frozen()

    def _missing(self, limit: float) -> Measurement:
        """The share of nulls, less or more: Fisher's test of both sides."""
        nulls = ((self.known.nulls, self.known.rows), (self.current.nulls, self.current.rows))
        values = (
            (self.known.present, self.known.rows),
            (self.current.present, self.current.rows),
        )
        change = nulls[1][0] / nulls[1][1] - nulls[0][0] / nulls[0][1]
        p_value = min(1.0, 2 * statistics.more(*(nulls if change > 0 else values)))
        return self._measured(MISSING, abs(change), limit, p_value)

    def _distribution(self, limit: float) -> Iterator[Measurement]:
        """How far the values lie apart. The test says how sure, the index how much it matters."""
        sides = self.known.all, self.current.all
        if self.bins.is_numeric:
            name, tested = "ks", statistics.kolmogorov_smirnov(*sides)
        else:
            name, tested = "chi_square", statistics.chi_square(*sides)
        yield self._measured(PSI, statistics.psi(*sides), limit, tested.p_value)
        yield self._measured(name, tested.value, None, tested.p_value)
        yield self._measured("jensen_shannon", statistics.jensen_shannon(*sides), None, None)

    def _unseen(self, limit: float) -> Measurement:
        """Values that training had none of.

        The p-value is exact for numbers too: of two samples of one population, it is how likely
        the so many greatest values are all of the second.
        """
        found, rows = sum(self.current.unseen), self.current.present
        p_value = statistics.more((0, self.known.present), (found, rows))
        name = OUT_OF_RANGE if self.bins.is_numeric else NEW_CATEGORIES
        note = ", ".join(self.current.examples) or None
        return self._measured(name, found / rows, limit, p_value, note)

    def _frozen(self) -> Iterator[Measurement]:
        """All rows in one bin; the value is the share of the reference's rows in the others.

        In a bin that the reference has no row of, they may differ: they are out of range.
        """
        bins, rows = self.current.all, self.known.present
        inside = int(self.known.all[bins.argmax()])
        if (bins > 0).sum() == 1 and len(bins) > 1 and inside:
            p_value = statistics.more((inside, rows), (int(bins.max()), int(bins.max())))
            yield self._measured(FROZEN, 1 - inside / rows, 0.0, p_value)

    def _measured(
        self,
        statistic: str,
        value: float,
        limit: float | None,
        p_value: float | None,
        note: str | None = None,
    ) -> Measurement:
        return Measurement(
            kind="score" if self.name == SCORE else "feature",
            name=self.name,
            slice=None if self.part is None else str(self.part),
            population=self.population,
            statistic=statistic,
            value=value,
            limit=limit,
            p_value=p_value,
            reference_rows=self.known.rows,
            current_rows=self.current.rows,
            note=note,
        )
