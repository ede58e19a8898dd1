"""How the tests are spread over the worker processes of a run."""

import pytest
from xdist.scheduler import LoadScopeScheduling

# Their homes and templates are set up once a worker, which takes longer than most files.
TOGETHER = ("tests/orchestration/", "tests/infra/", "tests/e2e/test_deploy")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A file's tests run on one worker, and so do those of files that share their set-up."""

    def _split_scope(self, nodeid: str) -> str:
        shared = (files for files in TOGETHER if nodeid.startswith(files))
        return next(shared, nodeid.partition("::")[0])


def long_first(items: list[pytest.Item]) -> None:
    """Begin with what runs together: many short files come last, and workers end together."""
    items.sort(key=lambda item: not item.nodeid.startswith(TOGETHER))
