"""The predict handler as tests call it: a small online table, requests, and what gets logged."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from hindcast.serving.handler import logger, make_handler
from hindcast.serving.predictor import Predictor, open_predictor
from hindcast.settings import Settings
from hindcast.traffic import proxy_events

TABLE = """
CREATE SCHEMA IF NOT EXISTS hindcast;
CREATE TABLE hindcast.credit_history__run1 (
    id BIGINT PRIMARY KEY, nb_previous_loans BIGINT, income FLOAT8, flag_own_car BOOLEAN,
    _birthday DATE
);
INSERT INTO hindcast.credit_history__run1 VALUES
    (5008827, 3, 427500.0, true, '1980-02-29'),
    (5008804, 0, 112500.0, false, '1990-06-01'),
    (5008805, NULL, NULL, NULL, NULL),
    (-7, 1, 'NaN', true, '1990-06-01');
CREATE VIEW hindcast.credit_history AS
    SELECT *, TIMESTAMPTZ '2021-09-17 00:00:00Z' AS features_as_of, 'run1' AS materialization
    FROM hindcast.credit_history__run1;
"""
FEATURES = {"nb_previous_loans": 3, "income": 427500.0, "flag_own_car": True, "age": 41}


class Service:
    """The predict handler over one predictor, or none, as in an image without a release."""

    def __init__(self, predictor: Predictor | None) -> None:
        self._predictor = predictor
        self.handler = make_handler(predictor)

    @property
    def predictor(self) -> Predictor:
        assert self._predictor is not None
        return self._predictor

    def invoke(self, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
        event = proxy_events.proxy_event(method, path, [("Host", "test")], body, "127.0.0.1")
        return self.handler(event, proxy_events.Context())

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
        content = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        )
        result = self.invoke(method, path, content)
        return result["statusCode"], json.loads(result["body"])


@contextmanager
def serve(database_url: str | None, release: Path) -> Iterator[Service]:
    """The handler by a release over a database; over none for a stateless model."""
    places = Settings(release.parent, "", "", database_url=database_url, release_dir=release)
    predictor = open_predictor(places)
    try:
        yield Service(predictor)
    finally:
        predictor.close()


def written(
    capsys: pytest.CaptureFixture[str], action: Callable[[], object]
) -> tuple[list[dict[str, Any]], str]:
    """The lines that action logs, and what it writes to standard error.

    The logger writes to the stream it was made with, so it is moved.
    """
    handler_of_logger = cast("Any", logger.logger_handler)
    before = handler_of_logger.setStream(sys.stdout)
    capsys.readouterr()
    try:
        action()
        output = capsys.readouterr()
        return [json.loads(line) for line in output.out.splitlines()], output.err
    finally:
        handler_of_logger.setStream(before)


def logged(
    capsys: pytest.CaptureFixture[str], action: Callable[[], object]
) -> list[dict[str, Any]]:
    """The lines that action logs."""
    return written(capsys, action)[0]
