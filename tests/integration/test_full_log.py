"""A log that has no room left: no answer is given that is not logged, and nothing else breaks."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest

from hindcast.serving import journal
from hindcast.serving.handler import logger, meter
from hindcast.serving.rarely import Rarely
from tests.integration.service import FEATURES, Service, serve
from tests.unit.serving import sample_release

ANSWERED: list[tuple[str, dict[str, Any]]] = [
    ("/predict", {"id": 5008827}),
    ("/predict", {"id": 1}),
    ("/predict", {}),
    ("/predict/batch", {"ids": [5008827, 1]}),
    ("/score", {"features": FEATURES}),
]


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_told", Rarely())


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Standard output, of lines and of metrics, on a device that is always full."""

    @contextmanager
    def opened() -> Iterator[None]:
        stream = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115
        output = cast("Any", logger.logger_handler)
        before = output.setStream(stream)
        meter.write()
        try:
            with monkeypatch.context() as patched:
                patched.setattr(sys, "stdout", stream)
                yield
                meter.write()
        finally:
            output.stream = before  # setStream would flush what has no room.
            with suppress(OSError):
                stream.close()

    return opened


def test_what_cannot_be_logged_is_503_and_told_once(
    service: Service, full_disk: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with full_disk():
        for path, body in ANSWERED * 2:
            status, answer = service.call("POST", path, body)
            assert (status, answer["error"]["field"]) == (503, None)
            assert answer["error"]["message"].startswith("the answer cannot be logged")
        assert service.call("GET", "/health")[0] == 200
        assert service.call("GET", "/features/5008827")[0] == 200
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "hindcast: the log of answers cannot be written: No space left on device",
        "hindcast: the metrics cannot be written: No space left on device",
    ]
    assert service.call("POST", "/predict", {"id": 5008827})[0] == 200


def test_a_model_may_answer_all_the_same(
    served_url: str, tmp_path: Path, full_disk: Callable[[], Any]
) -> None:
    release = sample_release.write(tmp_path, unlogged="answer")
    with serve(served_url, release) as service, full_disk():
        found = [service.call("POST", path, body)[0] for path, body in ANSWERED]
    assert found == [200, 404, 422, 200, 200]


def test_a_failure_is_answered_also_where_it_cannot_be_told(
    served_url: str, tmp_path: Path, full_disk: Callable[[], Any]
) -> None:
    broken = sample_release.write(tmp_path, sql="SELECT 1/0 WHERE 1 = %(key_0)s")
    with serve(served_url, broken) as service, full_disk():
        assert service.call("GET", "/features/1")[0] == 500
