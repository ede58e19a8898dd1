"""The ledger's schema: made once by whoever comes first, and never by code that is too old."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import event

from hindcast.errors import HindcastError
from hindcast.stores import embedded_postgres
from hindcast.stores.database import connect
from hindcast.stores.ledger import Ledger, migrate
from hindcast.stores.ledger.columns import metadata
from hindcast.stores.ledger.tables import REVISION, VERSION_TABLE
from hindcast.stores.ledger.transactions import engine_of

ROOT = Path(__file__).parents[2]
PROCESSES = 8


def statements(ledger: Ledger) -> list[str]:
    """The statements that a ledger sends from now on."""
    sent: list[str] = []
    event.listen(ledger._engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    return sent


def revisions(url: str) -> list[tuple[object, ...]]:
    with connect(url) as connection:
        return connection.execute(f"TABLE ledger.{VERSION_TABLE}").fetchall()


# Says that it is ready, and migrates when its input is closed.
_MIGRATE = """
import sys
import alembic.command
from hindcast.stores.ledger import Ledger
ledger = Ledger(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
ledger.migrate()
print(ledger.add_release("risk", "a", {}, {}, "/r/a", None).version)
"""


def test_processes_that_migrate_at_once_make_one_ledger(database_url: str) -> None:
    gate, opener = os.pipe()
    workers = [_worker(database_url, gate) for _ in range(PROCESSES)]
    os.close(gate)
    assert {worker.stdout.readline() for worker in workers if worker.stdout} == {"ready\n"}
    with connect(database_url) as connection:
        connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('hindcast ledger migration', 0))"
        )
        os.close(opener)
        # Each has seen that there is no schema, and none has made it.
        wait_for_blocked(connection, PROCESSES)
    assert [worker.communicate() for worker in workers] == [("1\n", "")] * PROCESSES
    assert revisions(database_url) == [(REVISION,)]
    assert len(Ledger(database_url).releases()) == 1


def _worker(url: str, gate: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _MIGRATE, url]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=gate, stdout=pipe, stderr=pipe, text=True)


def wait_for_blocked(connection: psycopg.Connection[Any], count: int) -> None:
    """Return when this many sessions of the server wait for a lock."""
    statement = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    deadline = time.monotonic() + 60
    while connection.execute(statement).fetchall() != [(count,)]:
        assert time.monotonic() < deadline, f"{count} sessions should wait for a lock"
        connection.execute("SELECT pg_sleep(0.02)")


def test_one_process_migrates_several_databases_at_once(postgres_server: str) -> None:
    urls = [postgres_server.replace("/postgres?", f"/several_{n}?") for n in range(PROCESSES)]
    with connect(postgres_server, autocommit=True) as connection:
        for number in range(PROCESSES):
            connection.execute(f"CREATE DATABASE several_{number}")
    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(lambda url: Ledger(url).migrate(), urls))
    assert [revisions(url) for url in urls] == [[(REVISION,)]] * PROCESSES


def test_migrating_again_is_one_query_and_changes_nothing(database_url: str) -> None:
    Ledger(database_url).migrate()
    with Ledger(database_url).run("train", {}, "r1"):
        pass
    ledger = Ledger(database_url)
    sent = statements(ledger)
    ledger.migrate()
    assert sent == [f"SELECT ledger.{VERSION_TABLE}.version_num \nFROM ledger.{VERSION_TABLE}"]
    assert ledger.find_run("r1").status == "succeeded"


def test_the_first_use_of_any_method_migrates_and_later_ones_do_not_look(database_url: str) -> None:
    ledger = Ledger(database_url)
    assert ledger.runs() == []
    sent = statements(ledger)
    assert ledger.releases() == []
    assert len(sent) == 1


def test_no_statement_outlives_its_transaction(database_url: str) -> None:
    """Session settings and session locks would pin RDS Proxy to a connection."""
    ledger = Ledger(database_url)
    sent = statements(ledger)
    ledger.add_release("risk", "a", {}, {}, "/r/a", None)
    ledger.promote("risk", "a", None, "promote", False, None, None, "alice")
    settings = [line for line in sent if line.startswith("SET") or "set_config" in line]
    assert all(line.startswith("SET LOCAL ") for line in settings)
    locks = [line for line in sent if "pg_advisory" in line]
    assert locks
    assert all("pg_advisory_xact_lock" in line for line in locks)


def test_a_schema_that_this_code_does_not_know_is_refused(database_url: str) -> None:
    Ledger(database_url).migrate()
    be_at(database_url, "unheard-of")
    ledger = Ledger(database_url)
    for _ in range(2):
        with pytest.raises(HindcastError, match=r"'unheard-of'.* does not know.*; upgrade Hindc"):
            ledger.runs()
    assert revisions(database_url) == [("unheard-of",)]


def test_a_later_schema_is_worked_with_and_left_alone(database_url: str) -> None:
    """It only adds to this one; while a version is rolled out, the one before is at work."""
    Ledger(database_url).migrate()
    be_at(database_url, "9999")
    with Ledger(database_url).run("train", {}, "r1"):
        pass
    assert Ledger(database_url).find_run("r1").status == "succeeded"
    assert revisions(database_url) == [("9999",)]


def be_at(url: str, revision: str) -> None:
    """Say that the schema is at a revision."""
    with connect(url) as connection:
        connection.execute(f"UPDATE ledger.{VERSION_TABLE} SET version_num = %s", [revision])


def test_a_failed_migration_leaves_nothing(database_url: str) -> None:
    # A table of that name in the way makes the last steps fail.
    with connect(database_url) as connection:
        connection.execute("CREATE SCHEMA ledger CREATE TABLE promotions (x int)")
    with pytest.raises(HindcastError, match='"promotions" already exists'):
        Ledger(database_url).migrate()
    with connect(database_url) as connection:
        connection.execute("DROP TABLE ledger.promotions")
    assert Ledger(database_url).promotions() == []


def test_the_tables_are_what_the_migrations_make(database_url: str) -> None:
    Ledger(database_url).migrate()
    options = {
        "version_table": VERSION_TABLE,
        "version_table_schema": metadata.schema,
        "include_schemas": True,
        "include_name": lambda name, kind, parents: kind != "schema" or name == metadata.schema,
        "compare_type": True,
        "compare_server_default": True,
    }
    with engine_of(database_url).connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_the_constraints_are_what_the_migrations_make(database_url: str) -> None:
    """Autogenerate does not compare checks."""
    Ledger(database_url).migrate()
    migrated = constraints(database_url)
    with engine_of(database_url).begin() as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
    assert constraints(database_url) == migrated
    assert len(migrated) > 20


def constraints(url: str) -> list[tuple[object, ...]]:
    with connect(url) as connection:
        return connection.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype NOT IN ('n', 't') AND connamespace = 'ledger'::regnamespace "
            "ORDER BY conname"
        ).fetchall()


def test_the_newest_migration_is_the_revision_of_the_code() -> None:
    scripts = ScriptDirectory(str(migrate.MIGRATIONS))
    assert scripts.get_current_head() == REVISION


def new_user(url: str, options: str, grant: str) -> str:
    """URL of a new user of the database, who is no superuser."""
    database = str(conninfo_to_dict(url)["dbname"])
    user = f"owner_of_{database}"
    names = {"database": sql.Identifier(database), "user": sql.Identifier(user)}
    with connect(url) as connection:
        connection.execute(sql.SQL(f"CREATE ROLE {{user}} LOGIN {options}").format(**names))
        connection.execute(
            sql.SQL(f"GRANT {grant} ON DATABASE {{database}} TO {{user}}").format(**names)
        )
    return url.replace("user=postgres", f"user={user}")


def test_an_owner_who_is_no_superuser_can_migrate_and_cannot_change(database_url: str) -> None:
    ledger_url = new_user(database_url, "CREATEROLE", "CREATE")
    ledger = Ledger(ledger_url)
    with ledger.run("train", {}, "r1"):
        pass
    assert ledger.find_run("r1").status == "succeeded"
    refused = pytest.raises(psycopg.errors.RaiseException, match="append-only")
    with connect(ledger_url) as connection, refused:
        connection.execute("DELETE FROM ledger.run_ends")


def test_who_may_not_make_a_schema_is_told(database_url: str) -> None:
    ledger = Ledger(new_user(database_url, "", "CONNECT"))
    with pytest.raises(HindcastError, match="this user may not: permission denied for database"):
        ledger.runs()


@pytest.fixture
def bare_server() -> Iterator[str]:
    """URL of a server on which no ledger has made the role yet."""
    # Not in tmp_path: every pytest of the same user closes the folder above it to the server's.
    with tempfile.TemporaryDirectory(prefix="hindcast-") as folder:
        data = Path(folder) / "postgres"
        yield embedded_postgres.server_url(data)
        embedded_postgres.stop(data)


def test_who_may_not_make_the_role_is_told_what_to_ask_for(bare_server: str) -> None:
    ledger = Ledger(new_user(bare_server, "", "CREATE"))
    ask = "owner_of_postgres may not create roles; have an administrator run CREATE ROLE hindcast_w"
    with pytest.raises(HindcastError, match=ask) as error:
        ledger.runs()
    assert "\n" not in str(error.value)
    with connect(bare_server) as connection:
        connection.execute("CREATE ROLE hindcast_writer NOLOGIN")
    assert ledger.runs() == []


def test_a_role_that_another_database_makes_meanwhile_is_used(bare_server: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        with connect(bare_server) as connection:
            connection.execute("CREATE ROLE hindcast_writer NOLOGIN")
            migrating = pool.submit(Ledger(bare_server).migrate)
            wait_for_blocked(connection, 1)
        migrating.result()
    assert revisions(bare_server) == [(REVISION,)]


def test_importing_the_ledger_does_not_load_alembic() -> None:
    script = "import sys, hindcast.stores.ledger; print('alembic' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_the_wheel_carries_the_migrations(tmp_path: Path) -> None:
    assert importlib.util.find_spec("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    here = migrate.MIGRATIONS.rglob("*.py")
    assert {
        f"hindcast/stores/ledger/migrations/{p.relative_to(migrate.MIGRATIONS)}" for p in here
    } <= inside
