"""The Spark engine: one plan per materialization, whose rows feed the lake and the online store."""

import json
import uuid
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable, Schema
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

from hindcast.compiler.dialects import SPARK
from hindcast.definitions import Source
from hindcast.engines.base import IS_EVENT, OVERFLOWED, RECORDS, OfflineTarget, Written, overflows
from hindcast.engines.raw import selection
from hindcast.engines.spark import deltafiles
from hindcast.engines.spark.session import is_local, session
from hindcast.errors import HindcastError, InputError
from hindcast.stores.table_files import filesystem

if TYPE_CHECKING:
    from hindcast.stores.online import OnlineStore

BATCH_ROWS = 10_000
# So many bytes of entity rows the driver has loaded before executors have started their Python.
DRIVER_BYTES = 64 * 2**20
DRIVER_CONNECTIONS = 4
# One run's rows lie in a folder of the offline table, the two kinds in folders below it.
KIND, EVENTS, ENTITIES = "rows", "events", "entities"
_SUCCESS_FILE = "mapreduce.fileoutputcommitter.marksuccessfuljobs"
# What entity rows say of themselves.
_OF_ENTITIES = pa.schema([(RECORDS, pa.int64()), (OVERFLOWED, pa.string())])


class SparkEngine:
    """Runs Spark SQL over the temporary views `raw` and `spine`."""

    name = "spark"
    dialect = "spark"

    def query(
        self,
        sql: str,
        raw: DeltaTable,
        spine: pa.Table | None = None,
        source: Source | None = None,
    ) -> pa.Table:
        """The result of a query, in the order the SQL asks for; raw by the source's schema."""
        spark = session()
        with calling_spark():
            _register(spark, raw, source)
            if spine is not None:
                _frame(spark, spine).createOrReplaceTempView("spine")
            found = spark.sql(sql)
            # The same rows as toPandas would hold, without pandas.
            batches = found._collect_as_arrow()
        return pa.Table.from_batches(batches, None if batches else to_arrow_schema(found.schema))

    @contextmanager
    def compute(
        self, sql: str, raw: DeltaTable, source: Source | None = None
    ) -> "Iterator[SparkComputed]":
        """Plan a materialization query; it runs once, in write_offline."""
        spark = session()
        with calling_spark():
            _register(spark, raw, source)
            computed = SparkComputed(spark.sql(sql))
        try:
            yield computed
        finally:
            computed.close()


class SparkComputed:
    """Feature rows as a plan; write_offline runs it and leaves entity rows for load_online."""

    def __init__(self, rows: DataFrame) -> None:
        self.rows = rows
        self._written: tuple[str, str] | None = None

    def write_offline(self, target: OfflineTarget) -> Written:
        """Replace the Delta table's content by the event rows in one commit.

        Without any event nothing is committed.
        """
        run = uuid.uuid4().hex
        laid_out = _laid_out(self.rows, target)
        with calling_spark():
            writer = laid_out.write.partitionBy(KIND).option(_SUCCESS_FILE, False)
            writer.parquet(f"{target.uri}/{run}")
        self._written = target.uri, run
        files = filesystem(target.uri)
        events = deltafiles.list_parquet(files, f"{run}/{KIND}={EVENTS}")
        if not events:
            return Written(0, 0, {})
        schema = _delta_schema(laid_out.select(*map(_column, [*target.columns, *target.constants])))
        metadata = {**target.constants, **target.metadata}
        rows = deltafiles.replace_content(target.uri, files, events, schema, metadata)
        entities = deltafiles.list_parquet(files, f"{run}/{KIND}={ENTITIES}")
        found = deltafiles.columns(files, entities, _OF_ENTITIES)
        lost = overflows(pc.drop_null(found[OVERFLOWED]).to_pylist())
        return Written(rows, int(pc.sum(found[RECORDS]).as_py() or 0), lost)

    def load_online(self, store: "OnlineStore", table: str, columns: Mapping[str, str]) -> int:
        """Copy the entity rows into a Postgres table, each file over its own connection.

        write_offline comes first. columns: of the table -> of the rows. Returns the rows; raises
        what the store raises.
        """
        if self._written is None:
            raise HindcastError("entity rows are not computed yet; call write_offline first")
        uri, run = self._written
        found = deltafiles.list_parquet(filesystem(uri), f"{run}/{KIND}={ENTITIES}")
        parts = [_Part(uri, part.path, store, table, dict(columns)) for part in found]
        is_small = sum(part.size for part in found) <= DRIVER_BYTES
        load = _load_here if is_small else self._load_on_executors
        return sum(_rows_or_raise(outcome) for outcome in load(parts))

    def _load_on_executors(self, parts: "list[_Part]") -> list[int | HindcastError]:
        context = self.rows.sparkSession.sparkContext
        with calling_spark():
            outcomes = context.parallelize(parts, len(parts)).map(_Part.load).collect()
        return list(outcomes)

    def close(self) -> None:
        """Delete the entity rows; the event rows are the Delta table's."""
        if self._written is not None:
            uri, run = self._written
            deltafiles.remove(filesystem(uri), f"{run}/{KIND}={ENTITIES}")


@dataclass(frozen=True)
class _Part:
    """One file of entity rows on its way to Postgres; runs on the driver or an executor."""

    uri: str
    path: str
    store: "OnlineStore"
    table: str
    columns: Mapping[str, str]

    def load(self) -> int | HindcastError:
        """The rows loaded; an error is returned, because Spark would flatten it to text."""
        files = filesystem(self.uri)
        rows = ds.dataset(self.path, filesystem=files, format="parquet")
        columns = {name: ds.field(given) for name, given in self.columns.items()}
        scanner = rows.scanner(columns=columns, batch_size=BATCH_ROWS)
        try:
            return self.store.load(self.table, scanner.to_reader())
        except HindcastError as error:
            return error


def _load_here(parts: list[_Part]) -> list[int | HindcastError]:
    with ThreadPoolExecutor(DRIVER_CONNECTIONS) as pool:
        return list(pool.map(_Part.load, parts))


def _rows_or_raise(outcome: int | HindcastError) -> int:
    if isinstance(outcome, HindcastError):
        raise outcome
    return outcome


def _register(spark: SparkSession, raw: DeltaTable, source: Source | None) -> None:
    """Make a Delta table readable as `raw`, by the source's schema."""
    _read(spark, raw).createOrReplaceTempView("stored")
    spark.sql(selection(raw, source, SPARK, "stored")).createOrReplaceTempView("raw")


def _read(spark: SparkSession, raw: DeltaTable) -> DataFrame:
    """A Delta table by its files; a column that a file lacks is null there."""
    # Delta's schema is written as Spark's own JSON.
    schema = StructType.fromJson(json.loads(raw.schema().to_json()))
    uris = raw.file_uris()
    if not uris:
        return spark.createDataFrame([], schema)
    if is_local(spark) and "://" in uris[0]:
        raise InputError(
            f"{raw.table_uri}: local Spark reads folders only; use engine duckdb, or run on Glue"
        )
    # Without recursiveFileLookup a folder called a=b, above the table even, would be a column.
    reader = spark.read.schema(schema).option("recursiveFileLookup", True)
    return reader.parquet(*(_literally(uri) for uri in uris))


def _frame(spark: SparkSession, rows: pa.Table) -> DataFrame:
    schema = StructType.fromJson(json.loads(Schema.from_arrow(rows.schema).to_json()))
    values = list(zip(*(column.to_pylist() for column in rows.columns), strict=True))
    return spark.createDataFrame(values, schema, verifySchema=False)


def _laid_out(rows: DataFrame, target: OfflineTarget) -> DataFrame:
    """Offline columns, constants, what only entity rows have (empty on event rows), the kind."""
    is_event = F.col(IS_EVENT)
    own = {*target.columns, IS_EVENT}
    return rows.select(
        *map(_column, target.columns),
        *(F.lit(value).alias(name) for name, value in target.constants.items()),
        *(F.when(~is_event, _column(c)).alias(c) for c in rows.columns if c not in own),
        F.when(is_event, EVENTS).otherwise(ENTITIES).alias(KIND),
    )


def _column(name: str) -> Column:
    return F.col(SPARK.quote(name))


def _delta_schema(rows: DataFrame) -> Schema:
    described = rows.schema.jsonValue()
    for field in described["fields"]:
        field |= {"nullable": True, "metadata": {}}
    return Schema.from_json(json.dumps(described))


def _literally(uri: str) -> str:
    """A file's URI as Hadoop reads it: folders unquoted, the characters of a pattern escaped."""
    path = uri if "://" in uri else unquote(uri)
    return "".join(f"\\{letter}" if letter in "\\{}[]*?^" else letter for letter in path)


@contextmanager
def calling_spark() -> Iterator[None]:
    """Errors of Spark as one line of HindcastError."""
    with warnings.catch_warnings():
        # PySpark leaves the sockets it collects rows from to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        except PySparkException as error:
            raise HindcastError(f"Spark: {_reason(str(error))}") from error
        except Py4JJavaError as error:
            raise HindcastError(f"Spark: {_reason(_root_cause(error))}") from error


def _root_cause(error: Py4JJavaError) -> str:
    java = error.java_exception
    while java.getCause() is not None:
        java = java.getCause()
    return str(java.getMessage() or java)


def _reason(text: str) -> str:
    """The line that says why: the last one of a Python traceback, else the first."""
    lines = text.strip().splitlines() or ["no reason given"]
    return lines[-1] if "Traceback" in text else lines[0]
