"""A batch on Spark against mlflow.pyfunc.spark_udf: one model, the same rows, Parquet to Parquet.

Both run in processes of their own, in turn, on one Spark configuration of this machine's cores; the
seconds are those of the batch, imports and the session's start apart. The model is a classifier of
scikit-learn, for MLflow as it was logged, for Hindcast as ONNX; the answers are compared.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _measure
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _measure import Limit

COLUMNS = [f"x{number}" for number in range(10)]
FILES = 8


def main() -> int:
    """Measure, print, judge."""
    options = _options()
    if options.child:
        return CHILDREN[options.child[0]](Path(options.child[1]))
    _measure.machine()
    with tempfile.TemporaryDirectory(prefix="hindcast-bench-") as name:
        folder = Path(name)
        prepare(folder, options.rows)
        sides = {side: lambda side=side: _child(side, folder) for side in CHILDREN}
        runs = _measure.alternate(sides, options.rounds)
        unlike = _unlike(folder)
    rates = {side: options.rows / _measure.median(took) for side, took in runs.items()}
    for side, rate in rates.items():
        print(f"{side:12} {rate:12,.0f} rows/s")
    return _measure.verdict(
        [
            Limit("rows/s of spark_udf over ours", rates["spark_udf"] / rates["hindcast"], 0.7),
            Limit("rows that the two sides answer differently", unlike, 0),
        ]
    )


def prepare(folder: Path, rows: int) -> None:
    """Files of random numbers, and a model of them as both sides take it."""
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    numbers = np.random.default_rng(0).normal(size=(rows, len(COLUMNS))).astype(np.float32)
    table = pa.table(
        {"row": pa.array(np.arange(rows)), **dict(zip(COLUMNS, numbers.T, strict=True))}
    )
    (folder / "rows").mkdir()
    size = -(-rows // FILES)
    for number in range(FILES):
        pq.write_table(table.slice(number * size, size), folder / "rows" / f"{number}.parquet")
    sample = table.select(COLUMNS).slice(0, 10_000).to_pandas()
    label = (sample.sum(axis=1) + sample["x0"] * sample["x1"] > 0).astype(int)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(sample, label)
    signature = infer_signature(sample, model.predict(sample))
    mlflow.sklearn.save_model(model, folder / "model", signature=signature, pip_requirements=[])
    exported = to_onnx(model, sample.to_numpy()[:1], options={"zipmap": False})
    (folder / "model.onnx").write_bytes(exported.SerializeToString())


def hindcast(folder: Path) -> int:
    """The child of our side: run the batch; print its seconds."""
    import yaml

    from hindcast import bootstrap
    from hindcast.engines.spark.session import session
    from hindcast.operations.batch import config
    from hindcast.operations.batch.run import run_batch

    document = {
        "model": {
            "type": "onnx",
            "params": {"path": str(folder / "model.onnx"), "columns": COLUMNS, "keys": ["row"]},
        },
        "data": {
            "source": {"type": "local_file", "params": {"path": str(folder / "rows")}},
            "target": {"type": "delta", "params": {"uri": str(folder / "hindcast")}},
        },
        "engine": "spark",
    }
    application = bootstrap.application(folder / "home")
    _ = application.ledger, session()
    batch = config.parse(yaml.safe_dump(document), "batch.yaml")
    return _timed(lambda: run_batch(application, batch))


def spark_udf(folder: Path) -> int:
    """The child of MLflow's side, as its documentation has it."""
    import mlflow.pyfunc

    from hindcast.engines.spark.session import session

    spark = session()
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", 100_000)

    def score() -> None:
        udf = mlflow.pyfunc.spark_udf(spark, str(folder / "model"), env_manager="local")
        rows = spark.read.parquet(str(folder / "rows"))
        scored = rows.select("row", udf(*COLUMNS).alias("prediction"))
        scored.write.mode("overwrite").parquet(str(folder / "spark_udf"))

    return _timed(score)


CHILDREN = {"spark_udf": spark_udf, "hindcast": hindcast}


def _timed(work: Any) -> int:
    started = time.perf_counter()
    work()
    print(json.dumps(time.perf_counter() - started))
    return 0


def _child(side: str, folder: Path) -> float:
    command = [sys.executable, __file__, "--child", side, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed: {done.stderr.strip().splitlines()[-1]}")
    return float(json.loads(done.stdout.strip().splitlines()[-1]))


def _unlike(folder: Path) -> int:
    """Rows whose class differs; ours of the first run, each of which adds its rows."""
    from deltalake import DeltaTable

    theirs = pq.read_table(folder / "spark_udf").sort_by("row")["prediction"].to_numpy()
    ours = DeltaTable(str(folder / "hindcast")).to_pyarrow_table()
    first = ours.filter(pa.compute.equal(ours["run"], ours["run"][0])).sort_by("row")
    return int((first["label"].to_numpy() != theirs).sum())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
