"""The predict Lambda stays slim: what it loads is pinned."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.unit.serving import sample_release

ROOT = Path(__file__).parents[3]

# Importing the handler and loading a release, as the Lambda's start does.
SCRIPT = """
import sys
before = set(sys.modules)
from hindcast.traffic import proxy_events
from lambdas.predict import handler
handler.handler({"warmup": True}, proxy_events.Context())
loaded = set(sys.modules) - before
own = sys.stdlib_module_names
print("\\n".join(sorted(m for m in loaded if m.partition(".")[0] not in own)))
"""

ALLOWED = {
    "hindcast",
    "lambdas",
    "numpy",
    "onnxruntime",
    "psycopg",
    "psycopg_binary",
    "aws_lambda_powertools",
    # What Powertools imports: jmespath, typing_extensions, and botocore's empty front door.
    "jmespath",
    "typing_extensions",
    "botocore",
    # Compiled parts of the above.
    "cython_runtime",
    "_cython",
    "_sysconfigdata",
}
HEAVY = {"sklearn", "pandas", "sqlalchemy", "pyspark", "duckdb", "boto3", "mlflow", "pydantic"}


def loaded_modules(release: Path, **more: str) -> set[str]:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "COV"))},
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
        "HINDCAST_RELEASE_DIR": str(release),
        "HINDCAST_DATABASE_URL": "postgresql://",
        **more,
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
    )
    return {line for line in done.stdout.splitlines() if not line.startswith("{")}


def test_the_predict_lambda_loads_these_libraries_and_no_others(tmp_path: Path) -> None:
    modules = loaded_modules(sample_release.write(tmp_path))
    top = {name.partition(".")[0] for name in modules}
    # These carry a version or a platform in their names.
    top = {re.sub(r"^(_cython|_sysconfigdata)_.*", r"\1", name) for name in top}
    assert top - ALLOWED == set()
    assert top & HEAVY == set()
    assert not {"botocore.session", "botocore.client", "aws_xray_sdk.core"} & modules


def test_onnxruntime_keeps_no_device_id_and_reports_to_nobody(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    loaded_modules(sample_release.write(tmp_path), HOME=str(home), XDG_CACHE_HOME="")
    assert list(home.rglob("*")) == []
