"""How a model is watched for drift: which rows are compared, and what is an alert."""

from dataclasses import dataclass
from datetime import timedelta

from hindcast.definitions import arguments, lengths, schedule


@dataclass(frozen=True)
class Drift:
    """What a check of a model compares, and from where on it tells of it.

    window: how far back the rows of one check go. schedule: when it is checked, as a view's
    `refreshed` says it. least_rows: with fewer, nothing is judged. windows: in how many windows in
    a row something must have moved before it is an alert. significance: the share of checks of
    undrifted data in which anything may be taken for moved, however many features there are.
    psi, missing, outside, performance, volume: what moved by less is no drift, however sure it is:
    the population stability index, the rise of the share of nulls, the share of values that
    training had not seen, the loss of a metric as a share of its value on the holdout, the change
    of how many answers there are. cool_down: the least time between two rebuilds of a model, the
    later of which is started by drift.
    """

    window: timedelta = timedelta(days=7)
    schedule: str = "daily 06:00"
    least_rows: int = 500
    windows: int = 2
    significance: float = 0.01
    psi: float = 0.1
    missing: float = 0.05
    outside: float = 0.01
    performance: float = 0.1
    volume: float = 0.3
    cool_down: timedelta = timedelta(days=7)

    def __post_init__(self) -> None:
        """Raise DefinitionError naming what cannot stand where it stands."""
        lengths.require("drift", "window", self.window, timedelta(microseconds=1))
        lengths.require("drift", "cool_down", self.cool_down)
        arguments.require_text("drift", "schedule", self.schedule, "text such as 'daily 06:00'")
        schedule.parse(self.schedule, "drift", "schedule")
        arguments.require_whole("drift", "least_rows", self.least_rows, 1, 10**9)
        arguments.require_whole("drift", "windows", self.windows, 1, 100)
        arguments.require_number("drift", "significance", self.significance, 1e-9, 0.5)
        arguments.require_number("drift", "psi", self.psi, 0, 100)
        arguments.require_number("drift", "missing", self.missing, 0, 1)
        arguments.require_number("drift", "outside", self.outside, 0, 1)
        arguments.require_number("drift", "performance", self.performance, 0, 100)
        arguments.require_number("drift", "volume", self.volume, 0, 100)
