"""A question over several views, as serving reads it, against one over a single view.

Views of as many entities, each of so many rows and columns; the same prepared SELECT as a release
has, by the reader that serving uses, Postgres on the same machine, random keys.
"""

import argparse
import random
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import _measure
import pyarrow as pa
from _measure import Limit

from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.service import CompiledService, compile_service
from hindcast.compiler.serving import serving_query
from hindcast.definitions import (
    Derived,
    Entity,
    Feature,
    FeatureService,
    FeatureView,
    RequestSource,
    Source,
    prior,
)
from hindcast.serving.requests import Question
from hindcast.serving.store import Database, OnlineReader
from hindcast.stores.online import OnlineStore, ViewVersion

NOW = datetime(2024, 1, 1, tzinfo=UTC)
FEATURES = ("events", "total", "least", "most", "mean")
MOST = 8


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="entities of each view")
    parser.add_argument("--questions", type=int, default=3_000, help="in a round")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    _measure.machine()
    views = [compile_view(_view(number)) for number in range(MOST)]
    with _measure.home() as home:
        for view in views:
            _publish(home.database_url, view, options.rows)
        sides = {count: _Side(home.database_url, views[:count], options) for count in (1, 3, MOST)}
        runs = _measure.alternate(
            {f"{count} views": side.ask for count, side in sides.items()}, options.rounds
        )
    return _print(runs)


def _view(number: int) -> FeatureView:
    thing = Entity(f"thing_{number}", key=f"key_{number}")
    source = Source(
        f"events_{number}",
        entity=thing,
        event_timestamp="at",
        tiebreaker="nr",
        schema={f"key_{number}": "bigint", "at": "timestamp", "nr": "bigint", "x": "double"},
    )
    expressions = ("count(*)", "sum(x)", "min(x)", "max(x)", "avg(x)")
    features = [
        Feature(f"{name}_{number}", expression, over=prior())
        for name, expression in zip(FEATURES, expressions, strict=True)
    ]
    return FeatureView(f"view_{number}", source, features)


def _publish(url: str, view: CompiledView, rows: int) -> None:
    """An online table of the view with a row per key from 0."""
    columns = {
        name: pa.array(range(rows), kind.arrow()) if kind.kind == "bigint" else _reals(rows)
        for name, kind in view.online_columns.items()
    }
    table = pa.table(columns)
    with OnlineStore(url) as store:
        loading = store.create_table(
            ViewVersion.of(view), "benchmark", view.view.keys, view.online_columns
        )
        reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches())
        store.publish(loading, NOW, NOW, store.load(loading.table, reader))


def _reals(rows: int) -> pa.Array:
    draw = random.Random(rows)
    return pa.array([draw.random() for _ in range(rows)], pa.float64())


def _service(views: Sequence[CompiledView]) -> CompiledService:
    """Every feature of the views, a value of the question, and one derived from both."""
    by_name = {view.view.name: view for view in views}
    sent = RequestSource("sent", {"amount": "double"})
    share = Derived("share", "amount / total_0")
    asked = FeatureService("asked", [*(view.view for view in views), sent, share])
    return compile_service(asked, lambda view: by_name[view.name])


class _Side:
    """A reader of the service over some views, and random questions."""

    def __init__(
        self, url: str, views: Sequence[CompiledView], options: argparse.Namespace
    ) -> None:
        self._reader = OnlineReader(Database(url), serving_query(_service(views)))
        self._views, self._options = len(views), options
        self._random = random.Random(self._views)
        self.ask()  # Connects, prepares, and fills Postgres' cache.

    def ask(self) -> list[float]:
        """The milliseconds of each question of a round."""
        return [self._one() for _ in range(self._options.questions)]

    def _one(self) -> float:
        keys = tuple(self._random.randrange(self._options.rows) for _ in range(self._views))
        started = time.perf_counter()
        row = self._reader.read(Question(keys, (1.5,)), NOW)
        took = (time.perf_counter() - started) * 1000
        assert row is not None, "every key is there"
        return took


def _print(runs: dict[str, list[list[float]]]) -> int:
    measured = {
        (side, percent): _measure.median([_measure.percentile(run, percent) for run in rounds])
        for side, rounds in runs.items()
        for percent in (50, 99)
    }
    rows = [(side, f"{measured[side, 50]:.3f}", f"{measured[side, 99]:.3f}") for side in runs]
    _measure.table(["question over", "p50 ms", "p99 ms"], rows)
    print()
    limits = [
        Limit(
            f"{side} over 1 view, p{percent}",
            measured[side, percent] / measured["1 views", percent],
            most,
        )
        for side, most in (("3 views", 1.3), (f"{MOST} views", 2.0))
        for percent in (50, 99)
    ]
    return _measure.verdict(limits)


if __name__ == "__main__":
    sys.exit(main())
