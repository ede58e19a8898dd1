"""Every user of the database: what it may do, and that its function's work takes no more."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from hindcast import names
from hindcast.operations import runs
from hindcast.operations.drift import check
from hindcast.operations.events.relay import relay_of
from hindcast.operations.grants import GRANTS
from hindcast.operations.migrations import migrate
from hindcast.operations.users import FUNCTIONS, READER, USERS, WORKER
from hindcast.serving.catalog import Catalog
from hindcast.serving.store import Database
from hindcast.stores import database
from hindcast.stores.database import connect
from hindcast.stores.ledger import Ledger
from hindcast.stores.online import OnlineStore, ViewVersion
from tests.integration import hindsight, test_batch
from tests.integration.hindsight import ANN, AS_OF, NOW, Home
from tests.integration.migrating import CHANGING, application, publish, secret
from tests.integration.rds import ADMINISTRATOR, Server, as_user, server


@pytest.fixture(scope="module", autouse=True)
def password() -> Iterator[None]:
    """The worker's secret, which a migration reads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "read_secret", lambda _: json.loads(secret("first")))
        yield


@pytest.fixture(scope="module")
def rds() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="hindcast-") as folder, server(Path(folder)) as found:
        yield found


@pytest.fixture(scope="module")
def url(rds: Server) -> str:
    """A database of its administrator's, with all that a migration makes."""
    found = rds.database()
    migrate(application(found))
    return found


def acting(home: Home, function: str) -> Home:
    """The home as a function works with it."""
    user = names.database_user(function) if function != "glue" else WORKER
    return replace(home, database_url=as_user(home.database_url, user))


def test_each_function_does_its_work_as_its_own_user(rds: Server, tmp_path: Path) -> None:
    url = rds.database()
    migrate(application(url))
    home = hindsight.settle(tmp_path, url)
    migrate(application(url))
    acting(home, "ingest").ingest({"loan_id": 9_100_000})
    acting(home, "glue").materialize("2021-09-10")  # What is swapped in later is read as well.
    glue = acting(home, "glue").application
    glue.store.rollback(ViewVersion.of(glue.project.view()))
    release = acting(home, "train").train(AS_OF)
    assert acting(home, "evaluate").evaluate(release).release == release
    control = acting(home, "control")
    opened = runs.open_run(control.application, "rebuild", "weekly", "arn", "credit_risk", {})
    control.promote(release)
    runs.close_run(control.application, opened.run, {}, None)
    [line] = home.ask("/predict", {"id": ANN}, release, as_user(url, READER))
    control.collect(line)
    assert check.check(acting(home, "drift").application, "credit_risk", NOW).run
    report = test_batch.run(
        acting(home, "batch"), test_batch.ids(tmp_path, ANN), test_batch.file(tmp_path)
    )
    assert report.rows == 1
    glue.ledger.open_run("materialize", {}, "refresh.one")
    ask(acting(home, "control-api").application.ledger)
    assert glue.ledger.find_run("refresh.one").error == "by ann"
    relay_of(acting(home, "relay").application).deliver()
    with closing(Catalog(Database(as_user(url, READER)))) as services:
        services.reader(services.names[0]).check(datetime.now(UTC))
    assert line["features_as_of"].startswith(AS_OF)


def ask(ledger: Ledger) -> None:
    """What the control API keeps of those who call it, and the end of what they cancel."""
    job = ledger.jobs.add("refresh.one", "refresh", {}, "states", "ann")
    ledger.jobs.start(job.id)
    ledger.jobs.end(job.id, "cancelled", "by ann")
    assert ledger.close_lost() == 0
    ledger.jobs.schedule("refresh", "0 2 * * *", False, {}, "ann")
    ledger.outbox.subscribe("crm", "https://crm.example", ["Promoted"], "ann")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE hindcast.online_versions SET action = 'publish'",
        "DELETE FROM hindcast.online_versions",
        "DROP TABLE hindcast.online_versions",
        "DELETE FROM ledger.runs",
        "CREATE TABLE ledger.mine (x int)",
        "CREATE TABLE mlflow.mine (x int)",
        "DROP TABLE mlflow.runs",
        "UPDATE mlflow.alembic_version SET version_num = '0'",
        "CREATE TABLE public.mine (x int)",
        "CREATE TEMPORARY TABLE mine (x int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        f"ALTER ROLE {ADMINISTRATOR} PASSWORD 'mine'",
        f"SET ROLE {ADMINISTRATOR}",
        f"GRANT rds_iam TO {WORKER}",
        f"SET ROLE {names.LEDGER_WRITER}",
        "INSERT INTO ledger.chain SELECT FROM ledger.chain",
    ],
)
@pytest.mark.parametrize("user", [READER, WORKER, *FUNCTIONS])
def test_no_user_may_do_more_than_it_needs(url: str, user: str, statement: str) -> None:
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with connect(as_user(url, user), autocommit=True) as session, refused:
        session.execute("SET default_transaction_read_only = off")  # Whoever it is may say so.
        session.execute(statement.encode())


def test_each_user_may_add_to_the_ledger_what_its_function_does_and_no_more(url: str) -> None:
    """In one look at all, of which a row for each table that a user may add to."""
    tables = """
        SELECT rolname, relname FROM pg_roles, pg_class
        WHERE relnamespace = 'ledger'::regnamespace AND relkind = 'r' AND rolname = ANY (%s)
        AND has_table_privilege(pg_roles.oid, pg_class.oid, %s)
    """
    kept = "SELECT relname FROM pg_class WHERE relnamespace = 'ledger'::regnamespace"
    with connect(url) as session:
        found: dict[str, set[str]] = {user: set() for user in USERS}
        for user, table in session.execute(tables, [list(USERS), "INSERT"]):
            found[user].add(table)
        changed = session.execute(tables, [list(USERS), "UPDATE, DELETE, TRUNCATE"]).fetchall()
        held = {name for (name,) in session.execute(f"{kept} AND relkind = 'r'".encode())}
    assert found == {READER: set(), **{user: each.adds & held for user, each in GRANTS.items()}}
    assert changed == []
    # A new table of the ledger is somebody's to add to.
    added = {table for each in found.values() for table in each}
    assert held - added == {"alembic_version", "chain"}


def test_who_may_read_the_online_store_and_write_to_mlflow(url: str) -> None:
    """The worker alone makes tables; a function that trains and judges tells MLflow."""
    with OnlineStore(as_user(url, WORKER)) as store:
        publish(store, "d", {})
    asked = """
        SELECT rolname, has_table_privilege(oid, %s, 'SELECT'),
            has_schema_privilege(oid, 'hindcast', 'CREATE'),
            has_table_privilege(oid, 'mlflow.runs', 'SELECT'),
            has_table_privilege(oid, 'mlflow.runs', 'INSERT, UPDATE, DELETE')
        FROM pg_roles WHERE rolname = ANY (%s)
    """
    with connect(url) as session:
        rows = session.execute(asked, [f"hindcast.{CHANGING.relation}", list(GRANTS)]).fetchall()
    assert {user: tuple(may) for user, *may in rows} == {
        user: (bool(each.online), each.online == "owns", bool(each.mlflow), each.mlflow == "writes")
        for user, each in GRANTS.items()
    }


@pytest.mark.parametrize("user", FUNCTIONS)
def test_a_functions_user_reads_the_ledger(url: str, user: str) -> None:
    assert Ledger(as_user(url, user)).releases() == []


def test_a_worker_who_did_everybodys_work_does_its_own_from_now_on(rds: Server) -> None:
    url = rds.database()
    migrate(application(url))
    with connect(url) as session:
        session.execute(f"GRANT hindcast_writer TO {WORKER}".encode())
        session.execute(f"GRANT DELETE ON ALL TABLES IN SCHEMA mlflow TO {WORKER}".encode())
    removed = migrate(application(url)).removed
    assert f"{WORKER} is a member of hindcast_writer" in removed
    assert any(line.startswith(f"{WORKER} may DELETE on ") for line in removed)
