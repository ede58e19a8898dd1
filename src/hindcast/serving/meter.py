"""Metrics that cost a request next to nothing: counted here, written at most once a second."""

from collections import Counter

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from hindcast import names
from hindcast.serving import journal

SECONDS_BETWEEN_WRITES = 1.0
# Powertools takes 99, but adding a value costs it time in proportion to those it has.
MAX_VALUES = 30


class Meter:
    """Counts and latencies on their way to Powertools' metrics.

    Errors are written with the request that met them. Successes wait up to a second for a
    later request; an environment that is frozen for good may take that last second along,
    which the prediction log, complete by itself, makes up for.

    Each metric is written for the service as a whole, for the model and for the release that
    answered; of a deployment, as one account may have several, by its name.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._deployment: dict[str, str] = {}
        self._release: str | None = None
        self._counts: Counter[str] = Counter()
        self._latencies = 0
        self._urgent = False
        self._next_write = 0.0

    def belong(self, deployment: str | None) -> None:
        """What is counted is of this deployment; of a home it is nobody's."""
        self._deployment = {names.METRIC_DIMENSION: deployment} if deployment else {}

    def by(self, release: str | None) -> None:
        """What is counted from now on is of this release, or of none."""
        if release != self._release:
            self.write()
            self._release = release

    def predictions(self, count: int) -> None:
        """So many predictions were answered."""
        self._counts["Predictions"] += count

    def logged(self) -> None:
        """The line of an answer or of a refusal is in the log, from where it is collected."""
        self._counts[names.METRIC_LOGGED] += 1

    def fallback(self) -> None:
        """A prediction was the declared one, as the features were too old."""
        self._counts["Fallbacks"] += 1

    def error(self, kind: str, count: int = 1) -> None:
        """A request, or an item of a batch, was refused or failed in this way."""
        self._counts["Errors"] += count
        self._counts[f"{kind}Errors"] += count
        self._urgent = True

    def request_done(self, milliseconds: float, now: float) -> None:
        """A request ended at `now`, in seconds of a clock that only goes forward."""
        self._metrics.add_metric("Latency", MetricUnit.Milliseconds, milliseconds)
        self._latencies += 1
        due = now >= self._next_write or self._latencies >= MAX_VALUES
        if self._urgent or due:
            self.write()
            self._next_write = now + SECONDS_BETWEEN_WRITES

    def write(self) -> None:
        """Write what was counted since the last time, if anything was.

        What cannot be written is lost, as it breaks no answer.
        """
        if not self._latencies:
            return
        for name, count in self._counts.items():
            self._metrics.add_metric(name, MetricUnit.Count, count)
        self._name()
        self._counts.clear()
        self._latencies = 0
        self._urgent = False
        try:
            self._metrics.flush_metrics()
        except OSError as error:
            self._metrics.clear_metrics()
            journal.unwritten("the metrics", error)

    def _name(self) -> None:
        """Say whose they are: one set of dimensions each for service, model and release."""
        service = {**self._deployment, names.METRIC_SERVICE: self._metrics.service}
        for name, value in service.items():
            self._metrics.add_dimension(name, value)
        if self._release is not None:
            model = self._release.rpartition("-")[0] or self._release
            self._metrics.add_dimensions(**self._deployment, **{names.METRIC_MODEL: model})
            self._metrics.add_dimensions(**service, release=self._release)
