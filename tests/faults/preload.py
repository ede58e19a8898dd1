"""Imports what commands need, once: each command is a fork of the process that has done so."""

import atexit
import gc
import os
from importlib import import_module

from hindcast.models.evaluation import latency
from hindcast.models.registry import mlflow_store, plots

# No library may start threads before the forks.
QUIET = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
MODULES = (
    "duckdb",
    "pandas",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "deltalake",
    "onnxruntime",
    "sklearn.impute",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "sklearn.preprocessing",
    "skl2onnx",
    "scipy.stats",
    "sqlalchemy.dialects.postgresql.psycopg",
    "hindcast.cli",
    "hindcast.audit.replay.replay",
    "hindcast.data.ingest",
    "hindcast.data.refresh",
    "hindcast.models.evaluation.evaluate",
    "hindcast.models.promote",
    "hindcast.models.registry.card",
    "hindcast.models.registry.plots.binary",
    "hindcast.models.training.train",
    "hindcast.operations.events.relay",
    "hindcast.operations.verification",
    "hindcast.serving.catalog",
    "hindcast.serving.handler",
    "hindcast.stores.ledger.migrate",
    "hindcast.stores.online.copy",
    "hindcast.traffic.http",
    "hindcast.traffic.local",
    "hindcast.traffic.models",
    "hindcast.traffic.roll_out",
)


def everything() -> None:
    """Import it all, and leave out what takes long and no fault can touch: drawings, timings."""
    os.environ.update(QUIET)
    for name in MODULES:
        import_module(name)
    mlflow_store._imported()
    vars(plots)["svgs"] = lambda drawn, metrics: dict.fromkeys(drawn, b"<svg/>")
    latency.CALLS = 20
    gc.collect()
    gc.freeze()  # Or each fork would copy what its collector walks over.
    atexit.register(gc.unfreeze)
