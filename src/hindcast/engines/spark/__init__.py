"""Spark, local or on Glue: executors write Parquet, the driver commits it to the Delta log."""

from hindcast.engines.spark.engine import SparkEngine

__all__ = ["SparkEngine"]
