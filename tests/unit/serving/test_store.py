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

    monkeypatch.setattr(psycopg.Connection, "connect", connect)
    with pytest.raises(StoreUnavailableError):
        OnlineReader(Database(f"postgresql://me@host/db{asked}"), "SELECT 1").read(
            Question((1,)), datetime.now(UTC)
        )
    assert conninfo_to_dict(used[0])["connect_timeout"] == waited


def test_parameters_go_by_their_names_and_a_percent_sign_is_no_parameter(database_url: str) -> None:
    sql = (
        "SELECT %(given_0)s::text || '%%(key_0)s' AS said, %(key_1)s::bigint %% %(key_0)s AS rest, "
        "%(key_0)s::bigint AS key, %(as_of)s::timestamptz AS instant"
    )
    reader, now = OnlineReader(Database(database_url), sql), datetime.now(UTC)
    asked = [Question((4, 7), ("a",)), Question((5, 7), ("b",))]
    expected = {"said": "a%(key_0)s", "rest": 3, "key": 4, "instant": now}
    assert reader.read(asked[0], now) == expected
    rows = reader.read_many(asked, now)
    reader.close()
    assert rows == {
        asked[0]: expected,
        asked[1]: {**expected, "said": "b%(key_0)s", "rest": 2, "key": 5},
    }
