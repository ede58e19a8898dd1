"""A batch on Spark against mlflow.pyfunc.spark_udf: one model, the same rows, Parquet to Parquet.

Both run in processes of their own, in turn, on one Spark configuration of this machine's cores.
Each first scores a few rows, which starts Spark's Python processes and loads their libraries; the
seconds are those of the whole batch after that. The models are classifiers of scikit-learn, for
MLflow as they were logged, for Hindcast as ONNX; the answers are compared. Ours writes both
probabilities, release and run beside the class, MLflow's the class alone.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import _measure
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from _measure import Limit

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = [f"x{number}" for number in range(10)]
FILES = 8
FEW = 1000
# Kind of model -> how long ours may take, theirs being 1: of trees both spend their time in them.
KINDS = {"linear": 0.1, "boosting": 0.45, "forest": 0.95}
# ONNX reckons in 32 bits: a row whose classes are as likely may get the other one.
UNLIKE_SHARE = 1e-6


def main() -> int:
    """Measure, print, judge."""
    options = _options()
    if options.child:
        side, kind, folder = options.child
        return CHILDREN[side](Path(folder), kind)
    _measure.machine()
    with tempfile.TemporaryDirectory(prefix="hindcast-bench-") as name:
        folder = Path(name)
        prepare(folder, options.rows, options.kinds)
        limits = [
            limit for kind in options.kinds for limit in _compared(folder, kind, options.rounds)
        ]
    return _measure.verdict(limits)


def _compared(folder: Path, kind: str, rounds: int) -> list[Limit]:
    """Run both sides by one model; print what each takes, and compare."""
    sides = {side: lambda side=side: _child(side, kind, folder) for side in CHILDREN}
    runs = _measure.alternate(sides, rounds)
    seconds = {
        side: [_measure.median(each) for each in zip(*took, strict=True)]
        for side, took in runs.items()
    }
    rows = sum(pq.read_metadata(each).num_rows for each in (folder / "rows").iterdir())
    _measure.table(
        [kind, "seconds of the first few rows", f"seconds of {rows:,} rows", "rows a second"],
        [
            (side, f"{few:.1f}", f"{all_rows:.2f}", rows / all_rows)
            for side, (few, all_rows) in seconds.items()
        ],
    )
    print()
    ratio = seconds["hindcast"][1] / seconds["spark_udf"][1]
    return [
        Limit(f"{kind}: our seconds over those of spark_udf", ratio, KINDS[kind]),
        Limit(
            f"{kind}: rows that the two sides answer differently",
            _unlike(folder, kind),
            rows * UNLIKE_SHARE,
        ),
    ]


def prepare(folder: Path, rows: int, kinds: Sequence[str]) -> None:
    """Files of random numbers, and models of them as both sides take them."""
    numbers = np.random.default_rng(0).normal(size=(rows, len(COLUMNS))).astype(np.float32)
    table = pa.table(
        {"row": pa.array(np.arange(rows)), **dict(zip(COLUMNS, numbers.T, strict=True))}
    )
    for name, count in {"rows": rows, "few": FEW}.items():
        (folder / name).mkdir()
        size = -(-count // FILES)
        for number in range(FILES):
            part = table.slice(number * size, min(size, count - number * size))
            pq.write_table(part, folder / name / f"{number}.parquet")
    for kind in kinds:
        _save(folder / kind, kind, table.select(COLUMNS).slice(0, 10_000).to_pandas())


def _save(folder: Path, kind: str, sample: "pd.DataFrame") -> None:
    import mlflow.sklearn
    from mlflow.models import infer_signature
    from skl2onnx import to_onnx

    label = (sample.sum(axis=1) + sample["x0"] * sample["x1"] > 0).astype(int)
    model = _classifier(kind).fit(sample, label)
    signature = infer_signature(sample, model.predict(sample))
    mlflow.sklearn.save_model(
        model,
        folder / "model",
        signature=signature,
        pip_requirements=[],
        serialization_format="cloudpickle",
    )
    exported = to_onnx(model, sample.to_numpy()[:1], options={"zipmap": False})
    (folder / "model.onnx").write_bytes(exported.SerializeToString())


def _classifier(kind: str) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if kind == "linear":
        return make_pipeline(StandardScaler(), LogisticRegression())
    if kind == "boosting":
        return GradientBoostingClassifier(n_estimators=100, random_state=0)
    return RandomForestClassifier(n_estimators=100, max_depth=10, random_state=0)


def hindcast(folder: Path, kind: str) -> int:
    """The child of our side: run the batches; print their seconds."""
    import yaml

    from hindcast import bootstrap
    from hindcast.engines.spark.session import session
    from hindcast.operations.batch import config
    from hindcast.operations.batch.run import run_batch

    application = bootstrap.application(folder / "home")
    _ = application.ledger, session()

    def score(rows: str) -> None:
        batch = config.parse(yaml.safe_dump(_document(folder, kind, rows)), "batch.yaml")
        run_batch(application, batch)

    return _timed(score)


def _document(folder: Path, kind: str, rows: str) -> dict[str, Any]:
    path = str(folder / kind / "model.onnx")
    target = str(folder / kind / f"hindcast-{rows}")
    return {
        "model": {"type": "onnx", "params": {"path": path, "columns": COLUMNS, "keys": ["row"]}},
        "data": {
            "source": {"type": "local_file", "params": {"path": str(folder / rows)}},
            "target": {"type": "delta", "params": {"uri": target}},
        },
        "engine": "spark",
    }


def spark_udf(folder: Path, kind: str) -> int:
    """The child of MLflow's side, as its documentation has it."""
    import mlflow.pyfunc

    from hindcast.engines.spark.session import session

    spark = session()
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", 100_000)

    def score(rows: str) -> None:
        udf = mlflow.pyfunc.spark_udf(spark, str(folder / kind / "model"), env_manager="local")
        given = spark.read.parquet(str(folder / rows))
        scored = given.select("row", udf(*COLUMNS).alias("prediction"))
        scored.write.mode("overwrite").parquet(str(folder / kind / f"spark_udf-{rows}"))

    return _timed(score)


CHILDREN = {"spark_udf": spark_udf, "hindcast": hindcast}


def _timed(score: Callable[[str], None]) -> int:
    print(json.dumps([_measure.timed(partial(score, rows)) for rows in ("few", "rows")]))
    return 0


def _child(side: str, kind: str, folder: Path) -> list[float]:
    """The seconds of a few rows, and of all of them."""
    command = [sys.executable, __file__, "--child", side, kind, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed: {done.stderr.strip().splitlines()[-1]}")
    return list(json.loads(done.stdout.strip().splitlines()[-1]))


def _unlike(folder: Path, kind: str) -> int:
    """Rows whose class differs; ours of the first run, each of which adds its rows."""
    from deltalake import DeltaTable

    theirs = pq.read_table(folder / kind / "spark_udf-rows").sort_by("row")
    ours = DeltaTable(str(folder / kind / "hindcast-rows")).to_pyarrow_table(
        columns=["row", "label", "run"]
    )
    first = ours.filter(pc.equal(ours["run"], ours["run"][0])).sort_by("row")
    return int((first["label"].to_numpy() != theirs["prediction"].to_numpy()).sum())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=4_000_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
