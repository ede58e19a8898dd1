"""A question over several views, against one over a single view: the SELECT, and the whole answer.

Views of as many entities, each of so many rows, Postgres on the same machine, random keys. Once
with five features of each view, so that more views give more; once with forty features in all, so
that only the number of views differs. The SELECT is read by what serving reads with; the answer is
what the handler of feature services gives to GET /services/{service}/features. All on one core.
"""

import argparse
import contextlib
import io
import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

import _measure
import pyarrow as pa
from _measure import Limit

from hindcast.compiler.features import CompiledView, compile_view
from hindcast.compiler.plan import service_document
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
from hindcast.serving.catalog import Catalog
from hindcast.serving.handler import Handler, make_features_handler
from hindcast.serving.requests import Question
from hindcast.serving.store import Database, OnlineReader
from hindcast.stores.online import OnlineStore, ViewVersion
from hindcast.traffic import proxy_events

NOW = datetime(2024, 1, 1, tzinfo=UTC)
EXPRESSIONS = ("count(*)", "sum(x)", "min(x)", "max(x)", "avg(x)")
# What questions are over: how many features of each view.
SHAPES: Mapping[str, Sequence[Sequence[int]]] = {
    "5 features a view": ([5], [5] * 3, [5] * 8),
    "40 features": ([40], [14, 13, 13], [5] * 8),
}
LIMITS = {3: 1.3, 8: 2.0}
PERCENTS = (50, 99)
AMOUNT = 1.5
Side = tuple[str, str, int]  # What is measured, the shape, the number of views.
Ask = Callable[[Sequence[int]], float]  # The seconds of a question about these keys.


def main() -> int:
    """Measure, print, and say with the exit code whether the limits hold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=30_000, help="entities of each view")
    parser.add_argument("--questions", type=int, default=250, help="in a round")
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    _measure.machine()
    _measure.on_one_core()
    # The handler writes its metrics to standard output.
    with _measure.home() as home, contextlib.redirect_stdout(io.StringIO()):
        services = _services(home.database_url, options.rows)
        sides = dict(_sides(home.database_url, services))
        rounds = {side: _round(side, ask, options) for side, ask in sides.items()}
        for ask_all in rounds.values():
            ask_all()  # Connects, prepares, and fills Postgres' cache.
        runs = _measure.alternate(rounds, options.rounds)
    return _print(runs)


def _services(url: str, rows: int) -> dict[tuple[str, int], CompiledService]:
    """The service of each shape and number of views, online with everything that it reads."""
    views: dict[tuple[int, int], CompiledView] = {}
    services: dict[tuple[str, int], CompiledService] = {}
    for shape, counts in SHAPES.items():
        for features in counts:
            read = list(enumerate(features))
            for each in read:
                if each not in views:
                    views[each] = _publish(url, compile_view(_view(*each)), rows)
            name = f"asked_{len(services)}"
            services[shape, len(read)] = _service(name, [views[each] for each in read])
    with OnlineStore(url) as store:
        documents = {each.name: service_document(each) for each in services.values()}
        store.put_services(documents, documents)
    return services


def _view(number: int, features: int) -> FeatureView:
    """One of an entity of its own, with so many features."""
    thing = Entity(f"thing_{number}", key=f"key_{number}")
    source = Source(
        f"events_{number}",
        entity=thing,
        event_timestamp="at",
        tiebreaker="nr",
        schema={f"key_{number}": "bigint", "at": "timestamp", "nr": "bigint", "x": "double"},
    )
    declared = [
        Feature(
            f"feature_{number}_{place}",
            EXPRESSIONS[place % len(EXPRESSIONS)],
            over=prior(days=1 + place),
        )
        for place in range(features)
    ]
    return FeatureView(f"view_{number}_of_{features}", source, declared)


def _publish(url: str, view: CompiledView, rows: int) -> CompiledView:
    """The view, with an online table that has a row per key from 0."""
    draw = random.Random(rows)
    columns = {
        name: pa.array(
            range(rows) if kind.kind == "bigint" else [draw.random() for _ in range(rows)],
            kind.arrow(),
        )
        for name, kind in view.online_columns.items()
    }
    table = pa.table(columns)
    with OnlineStore(url) as store:
        loading = store.create_table(
            ViewVersion.of(view), "benchmark", view.view.keys, view.online_columns
        )
        reader = pa.RecordBatchReader.from_batches(table.schema, table.to_batches())
        store.publish(loading, NOW, NOW, store.load(loading.table, reader))
    return view


def _service(name: str, views: Sequence[CompiledView]) -> CompiledService:
    """Every feature of the views, a value of the question, and one derived from both."""
    by_name = {view.view.name: view for view in views}
    sent = RequestSource("sent", {"amount": "double"})
    share = Derived("share", "amount / feature_0_1")
    asked = FeatureService(name, [*(view.view for view in views), sent, share])
    return compile_service(asked, lambda view: by_name[view.name])


def _sides(
    url: str, services: Mapping[tuple[str, int], CompiledService]
) -> Iterator[tuple[Side, Ask]]:
    """Reading and answering, by shape and number of views."""
    handler = make_features_handler(Catalog(Database(url)))
    for (shape, views), service in services.items():
        yield ("SELECT", shape, views), _reading(url, service)
        yield ("answer", shape, views), _answering(handler, service)


def _reading(url: str, service: CompiledService) -> Ask:
    reader = OnlineReader(Database(url), serving_query(service))

    def ask(keys: Sequence[int]) -> float:
        question = Question(tuple(keys), (AMOUNT,))
        return _measure.timed(lambda: reader.read(question, NOW))

    return ask


def _answering(handler: Handler, service: CompiledService) -> Ask:
    path, context = f"/services/{service.name}/features?", proxy_events.Context()

    def ask(keys: Sequence[int]) -> float:
        query = urlencode({**dict(zip(service.keys, keys, strict=True)), "amount": AMOUNT})
        event = proxy_events.proxy_event("GET", path + query, [], b"", "127.0.0.1")
        return _measure.timed(lambda: handler(event, context))

    return ask


def _round(side: Side, ask: Ask, options: argparse.Namespace) -> Callable[[], list[float]]:
    """The milliseconds of each question of a round, about random keys."""
    views, draw = side[-1], random.Random(side[-1])

    def ask_all() -> list[float]:
        return [
            ask([draw.randrange(options.rows) for _ in range(views)]) * 1000
            for _ in range(options.questions)
        ]

    return ask_all


def _print(runs: Mapping[Side, Sequence[Sequence[float]]]) -> int:
    """The milliseconds, and how many times those of a single view; limits are the answers'."""
    measured = {
        (side, percent): _measure.median([_measure.percentile(run, percent) for run in rounds])
        for side, rounds in runs.items()
        for percent in PERCENTS
    }
    times = {
        (what, shape, views, percent): value / measured[(what, shape, 1), percent]
        for ((what, shape, views), percent), value in measured.items()
    }
    rows = [
        (
            f"{what}, {shape}, over {views}",
            *(f"{measured[(what, shape, views), each]:.3f}" for each in PERCENTS),
            *(f"{times[what, shape, views, each]:.2f}" for each in PERCENTS),
        )
        for what, shape, views in runs
    ]
    _measure.table(["question", "p50 ms", "p99 ms", "p50 times", "p99 times"], rows)
    return _measure.verdict(
        [
            Limit(f"{what}, {shape}: {views} views, p{percent}", value, LIMITS[views])
            for (what, shape, views, percent), value in times.items()
            if what == "answer" and views in LIMITS
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
