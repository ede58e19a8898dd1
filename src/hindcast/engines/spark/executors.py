"""Work that executors do, some tasks at a time; what comes back is text."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

import pyarrow as pa

from hindcast.engines.spark.engine import calling_spark
from hindcast.engines.spark.session import session

T = TypeVar("T")
Work = Callable[[Sequence[T]], Sequence[str]]

# Of a partition's tasks what they need in common is made once; but all cores have work to the end.
PARTITIONS_OF_A_CORE = 2
TASKS_OF_A_PARTITION = 4


def run_tasks(tasks: Sequence[T], work: Work[T]) -> list[str]:
    """What work gives for the tasks, several at a time; raises HindcastError where Spark fails.

    work: a function that executors can import, with arguments that they can be sent.
    """
    if not tasks:
        return []
    spark = session()
    least = PARTITIONS_OF_A_CORE * spark.sparkContext.defaultParallelism
    # A partition that fails, or whose executor is lost, is tried again by itself.
    partitions = min(len(tasks), max(least, len(tasks) // TASKS_OF_A_PARTITION))
    with calling_spark(), warnings.catch_warnings():
        # PySpark compares pandas' version by means of distutils.
        warnings.simplefilter("ignore", DeprecationWarning)
        # Java counts the tasks: rows that Python has made take a process more for each partition.
        numbers = spark.range(0, len(tasks), 1, partitions)
        done = numbers.mapInArrow(partial(_done, work, tasks), "result string")
        return [row[0] for row in done.collect()]


def _done(
    work: Work[T], tasks: Sequence[T], batches: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        results = work([tasks[number] for number in batch.column(0).to_pylist()])
        yield pa.RecordBatch.from_pydict({"result": pa.array(results, pa.string())})
