"""Work that executors do task by task; what comes back of each is a text."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import pyarrow as pa

from hindcast.engines.spark.engine import calling_spark
from hindcast.engines.spark.session import session

Work = Callable[[str], str]


def run_tasks(tasks: Sequence[str], work: Work) -> list[str]:
    """The result of each task, in their order; raises HindcastError where Spark fails.

    work: a function that executors can import, with arguments that they can be sent.
    """
    if not tasks:
        return []
    spark = session()
    with calling_spark(), warnings.catch_warnings():
        # PySpark compares pandas' version by means of distutils.
        warnings.simplefilter("ignore", DeprecationWarning)
        # A partition each: a task that fails, or whose executor is lost, is tried again by itself.
        rows = spark.sparkContext.parallelize([(task,) for task in tasks], len(tasks))
        frame = spark.createDataFrame(rows, "task string")
        return [row[0] for row in frame.mapInArrow(partial(_done, work), "result string").collect()]


def _done(work: Work, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        results = [work(task) for task in batch.column(0).to_pylist()]
        yield pa.RecordBatch.from_pydict({"result": pa.array(results, pa.string())})
