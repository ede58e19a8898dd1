"""A database URL is checked without being told."""

import pytest

from hindcast.errors import InputError, StoreUnavailableError
from hindcast.serving.store import OnlineStore


def test_a_url_that_is_none_is_refused_without_quoting_it() -> None:
    with pytest.raises(InputError) as caught:
        OnlineStore("postgresql://me:secret@host:notaport/db?x", "SELECT 1")
    assert "secret" not in str(caught.value)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    store = OnlineStore("postgresql://nobody@/nothing?host=/nowhere", "SELECT 1")
    for _ in range(2):
        with pytest.raises(StoreUnavailableError):
            store.ping()
