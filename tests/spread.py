"""How the tests are spread over the worker processes of a run."""

import pytest
from xdist.scheduler import LoadScopeScheduling

# What is set up once a worker takes longer than most files: Spark with a home that it refreshed,
# templates, an emulated account.
SPARK, TEMPLATES, DEPLOYED = "Spark", "templates", "deployed"
TOGETHER = {
    "tests/orchestration/": SPARK,
    "tests/parity/": SPARK,
    "tests/integration/test_batch_spark": SPARK,
    "tests/integration/test_lake_integrity": SPARK,
    "tests/integration/test_materialize.py": SPARK,
    "tests/integration/test_replay": SPARK,
    "tests/integration/test_retrieval.py": SPARK,
    "tests/integration/test_spark_": SPARK,
    "tests/integration/test_versions": SPARK,
    "tests/integration/test_widening": SPARK,
    "tests/infra/": TEMPLATES,
    "tests/e2e/test_deploy": DEPLOYED,
}


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A file's tests run on one worker, and so do those of files that share their set-up."""

    def _split_scope(self, nodeid: str) -> str:
        return _shared(nodeid) or nodeid.partition("::")[0]


def long_first(items: list[pytest.Item]) -> None:
    """Begin with what runs together: many short files come last, and workers end together."""
    items.sort(key=lambda item: _shared(item.nodeid) is None)


def _shared(nodeid: str) -> str | None:
    """What the tests of a file share with those of others; None where they share nothing."""
    return next((set_up for files, set_up in TOGETHER.items() if nodeid.startswith(files)), None)
