"""The embedded Postgres starts anywhere, outlives killed users, and stops with the last one."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
import pytest

from hindcast import settings
from hindcast.errors import StoreUnavailableError
from hindcast.stores import database, embedded_postgres
from hindcast.stores.embedded_postgres import users


def answers(url: str) -> bool:
    try:
        with database.connect(url) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except StoreUnavailableError:
        return False


def _use(data: Path, connection: "multiprocessing.connection.Connection") -> None:
    connection.send(embedded_postgres.server_url(data))
    connection.recv()


class User:
    """Another process that uses the server of a data folder until told to leave, or killed."""

    def __init__(self, data: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_use, args=(data, theirs))
        self.process.start()
        theirs.close()
        self.url: str = self.pipe.recv()

    def leave(self) -> None:
        self.pipe.send("leave")
        self.process.join()

    def kill(self) -> None:
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.join()


def test_a_configured_database_is_used_as_it_is(tmp_path: Path) -> None:
    configured = settings.load({"HINDCAST_DATABASE_URL": "postgresql://elsewhere/db"}, tmp_path)
    assert database.url(configured) == "postgresql://elsewhere/db"


def test_the_last_user_stops_it_whoever_started_it_and_whoever_was_killed(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    first, second = User(data), User(data)
    assert first.url == second.url == embedded_postgres.server_url(data)
    first.kill()
    embedded_postgres.stop(data)
    assert answers(second.url)
    second.leave()
    assert not answers(second.url)


def wait_for(what: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_watched(data: Path) -> bool:
    with data.with_name("postgres.watcher").open() as file:
        return not users.is_free(file.fileno())


def test_a_server_whose_users_were_all_killed_ends_by_itself(tmp_path: Path) -> None:
    """Also where its watcher was killed before, as the next user starts another."""
    data = tmp_path / "postgres"
    first = User(data)
    (watcher,) = (
        process
        for process in psutil.process_iter(["cmdline"])
        if str(data) in (process.info["cmdline"] or []) and "-P" in process.info["cmdline"]
    )
    watcher.kill()
    wait_for(lambda: not is_watched(data))
    second = User(data)
    first.kill()
    second.kill()
    wait_for(lambda: not (data / "postmaster.pid").exists())
    wait_for(lambda: not is_watched(data))
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(first.url)


def test_a_killed_server_is_started_again_for_who_serves(tmp_path: Path) -> None:
    """At the address that it had, though the home's path is none for a socket."""
    home = tmp_path / "a folder's name"
    url = database.url(settings.load({}, home))
    told: list[str] = []
    with database.kept_running(settings.load({}, home), told.append):
        os.kill(int((home / "postgres/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        wait_for(lambda: bool(told), 10)
        assert told == ["the embedded Postgres had ended, and was started again"]
        assert answers(url)
    embedded_postgres.stop(home / "postgres")


def test_what_was_written_survives_a_killed_server(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    with database.connect(embedded_postgres.server_url(data)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")
    os.kill(int((data / "postmaster.pid").read_text().splitlines()[0]), signal.SIGKILL)
    with database.connect(embedded_postgres.server_url(data)) as connection:
        assert connection.execute("TABLE kept").fetchall() == [(1,)]
    embedded_postgres.stop(data)


def test_a_pid_file_that_now_names_another_process_is_no_hindrance(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    embedded_postgres.server_url(data)
    lines = (data / "postmaster.pid").read_text().splitlines()
    embedded_postgres.stop(data)
    (data / "postmaster.pid").write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    assert answers(embedded_postgres.server_url(data))
    embedded_postgres.stop(data)


def test_a_server_whose_connections_are_all_taken_says_so_at_once(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    url = embedded_postgres.server_url(data)
    with ExitStack() as taken:
        with pytest.raises(psycopg.OperationalError):  # noqa: PT012
            while True:
                taken.enter_context(psycopg.connect(url))
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError, match="too many clients already; end some"):
            embedded_postgres.server_url(data)
        assert time.monotonic() - began < 5
    embedded_postgres.stop(data)


ODD = {
    "long": "a folder's name, 100% lång " + "x" * 90,
    "a list": "Smith, John",
    "a command": '$(touch run)`touch run` " \\ $HOME; touch run',
}


@pytest.mark.parametrize("name", ODD)
def test_a_home_may_have_any_name_and_nothing_of_it_is_run(name: str, tmp_path: Path) -> None:
    home = tmp_path / ODD[name] / "h"
    url = database.url(settings.load({}, home))
    assert answers(url)
    embedded_postgres.stop(home / "postgres")
    assert not answers(url)
    assert not [path for path in tmp_path.rglob("run") if path.is_file()]


def test_a_home_that_cannot_be_made_is_a_one_line_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StoreUnavailableError, match="cannot run the embedded Postgres in") as error:
        embedded_postgres.server_url(tmp_path / "file" / "home" / "postgres")
    assert "\n" not in str(error.value)


def test_a_damaged_data_folder_is_a_reason_from_postgres_itself(tmp_path: Path) -> None:
    data = tmp_path / "postgres"
    embedded_postgres.server_url(data)
    embedded_postgres.stop(data)
    (data / "PG_VERSION").write_text("9.1\n")
    with pytest.raises(StoreUnavailableError, match=r"version 9\.1"):
        embedded_postgres.server_url(data)
    embedded_postgres.stop(data)


def test_connecting_does_not_hide_driver_errors_of_queries(database_url: str) -> None:
    with database.connect(database_url) as connection, pytest.raises(psycopg.errors.UndefinedTable):
        connection.execute("SELECT * FROM nothing")
