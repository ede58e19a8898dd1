"""A database URL is checked without being told."""

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from hindcast.errors import InputError, StoreUnavailableError
from hindcast.serving.requests import Question
from hindcast.serving.store import Database, OnlineReader


def test_a_url_that_is_none_is_refused_without_quoting_it() -> None:
    with pytest.raises(InputError) as caught:
        OnlineReader(Database("postgresql://me:secret@host:notaport/db?x"), "SELECT 1")
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    store = OnlineReader(Database("postgresql://nobody@/nothing?host=/nowhere"), "SELECT 1")
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            store.read(Question((1,)), datetime.now(UTC))


@pytest.mark.parametrize(("asked", "waited"), [("", "2"), ("?connect_timeout=7", "7")])
def test_a_silent_server_is_waited_for_as_long_as_the_url_says(
    asked: str, waited: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[str] = []

    def connect(conninfo: str, **_: Any) -> None:
        used.append(conninfo)
        raise psycopg.OperationalError

    monkeypatch.setattr(psycopg, "connect", connect)
    with pytest.raises(StoreUnavailableError):
        OnlineReader(Database(f"postgresql://me@host/db{asked}"), "SELECT 1").read(
            Question((1,)), datetime.now(UTC)
        )
    assert conninfo_to_dict(used[0])["connect_timeout"] == waited
