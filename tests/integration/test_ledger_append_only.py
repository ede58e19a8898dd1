"""Nobody changes the ledger: triggers stop the superuser, privileges stop the writers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from hindcast.errors import HindcastError
from hindcast.stores.database import connect
from hindcast.stores.ledger import Ledger
from hindcast.stores.ledger.chain import chained
from hindcast.stores.ledger.columns import metadata
from hindcast.stores.ledger.lake_records import NewCommit
from hindcast.stores.ledger.tables import VERSION_TABLE

TABLES = sorted(table.name for table in metadata.sorted_tables)
# A column of each table that is no key, so that nothing but the trigger can object.
COLUMNS = {
    "runs": "kind",
    "run_ends": "status",
    "releases": "location",
    "evaluations": "passed",
    "promotions": "by",
    "events": "subject",
    "deliveries": "error",
    "subscriptions": "url",
    "jobs": "command",
    "job_starts": "pid",
    "job_ends": "error",
    "schedules": "cron",
    "calls": "path",
    "heartbeats": "process",
    "chain": "digest",
    "lake_adoptions": "reason",
    "lake_intents": "by",
    "lake_commits": "entry",
}
NOW = datetime(2021, 9, 17, tzinfo=UTC)


def fill(ledger: Ledger) -> None:
    """Use every method that adds, so that every table has a row."""
    with ledger.run("train", {}, "r1"):
        ledger.add_release("risk", "a", {}, {}, "/r/a", "r1")
    evaluation = ledger.add_evaluation("risk", "a", None, True, {}, NOW, NOW, "r1").number
    ledger.promote("risk", "a", None, "promote", False, None, evaluation, "alice")
    ledger.outbox.subscribe("crm", "https://example.test/", [], "alice")
    ledger.outbox.record("file", ledger.outbox.due("file")[0])
    ledger.jobs.add("j1", "train", {}, "here", "alice")
    ledger.jobs.start("j1", 17)
    ledger.jobs.end("j1", "succeeded")
    ledger.jobs.schedule("train", "0 2 * * *", False, {}, "alice")
    ledger.calls.add("alice", "viewer", "GET", "/runs", 200)
    ledger.lake.intend("raw/loans", "i1")
    commit = NewCommit(0, "written", "i1", 1, "e", 1, None, None, [])
    ledger.lake.add(ledger.lake.adopt("raw/loans", "a test"), [commit])


@pytest.fixture(scope="module")
def url(module_database_url: str) -> str:
    fill(Ledger(module_database_url))
    return module_database_url


@pytest.fixture(scope="module")
def writer_url(url: str) -> str:
    """URL of a user that has no right but to be a member of the writers."""
    name = f"writer_of_{conninfo_to_dict(url)['dbname']}"
    role = sql.Identifier(name)
    with connect(url) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN IN ROLE hindcast_writer").format(role))
    return url.replace("user=postgres", f"user={name}")


def statements(table: str) -> dict[str, str]:
    column = COLUMNS[table]
    return {
        "update": f"UPDATE ledger.{table} SET {column} = {column}",
        "delete": f"DELETE FROM ledger.{table}",
        "truncate": f"TRUNCATE ledger.{table} CASCADE",
        "upsert": f"INSERT INTO ledger.{table} OVERRIDING SYSTEM VALUE TABLE ledger.{table} "
        f"ON CONFLICT ON CONSTRAINT {table}_pkey DO UPDATE SET {column} = EXCLUDED.{column}",
        "merge": f"MERGE INTO ledger.{table} USING (SELECT 1) AS one ON true "
        "WHEN MATCHED THEN DELETE",
    }


@contextmanager
def unchanged(url: str) -> Iterator[None]:
    before = contents(url)
    yield
    assert contents(url) == before


def contents(url: str) -> list[list[tuple[object, ...]]]:
    with connect(url) as connection:
        found = [connection.execute(f"TABLE ledger.{table}").fetchall() for table in TABLES]
    assert all(found), "each table has rows to lose"
    return found


@pytest.mark.parametrize("kind", sorted(statements("runs")))
@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("replication_role", ["origin", "replica"])
def test_the_superuser_cannot_change_it(
    url: str, table: str, kind: str, replication_role: str
) -> None:
    with unchanged(url), connect(url) as connection:
        connection.execute(f"SET session_replication_role = {replication_role}")
        with pytest.raises(psycopg.errors.RaiseException, match=r"ledger\.\w+ is append-only"):
            connection.execute(statements(table)[kind])


@pytest.mark.parametrize("kind", sorted(statements("runs")))
@pytest.mark.parametrize("table", TABLES)
def test_a_writer_may_not_change_it(url: str, writer_url: str, table: str, kind: str) -> None:
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied for")
    with unchanged(url), connect(writer_url) as connection, refused:
        connection.execute(statements(table)[kind])


@pytest.mark.parametrize(
    "statement",
    [
        "SET session_replication_role = replica",
        "ALTER TABLE ledger.runs DISABLE TRIGGER append_only",
        "DROP TRIGGER append_only ON ledger.runs",
        "DROP TABLE ledger.runs CASCADE",
        "DROP SCHEMA ledger CASCADE",
        "CREATE TABLE ledger.mine (x int)",
        "CREATE OR REPLACE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NEW; END'",
        f"UPDATE ledger.{VERSION_TABLE} SET version_num = '0'",
        f"INSERT INTO ledger.{VERSION_TABLE} VALUES ('0')",
        f"DELETE FROM ledger.{VERSION_TABLE}",
        "ALTER SEQUENCE ledger.promotions_number_seq RESTART",
        "SELECT setval('ledger.promotions_number_seq', 1)",
    ],
)
def test_a_writer_may_not_take_the_guards_away(url: str, writer_url: str, statement: str) -> None:
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with unchanged(url), connect(writer_url) as connection, refused:
        connection.execute(statement)


def test_a_writer_can_do_all_that_a_ledger_does(database_url: str, writer_url: str) -> None:
    Ledger(database_url).migrate()
    name = conninfo_to_dict(database_url)["dbname"]
    ledger = Ledger(writer_url.replace(f"/{conninfo_to_dict(writer_url)['dbname']}?", f"/{name}?"))
    fill(ledger)
    champion = ledger.champion("risk")
    assert champion is not None
    ledger.promote("risk", "a", champion.number, "rollback", False, None, None, "bob")
    assert ledger.champion("risk", champion.promoted_at) == champion
    assert [promotion.by for promotion in ledger.promotions()] == ["bob", "alice"]
    assert ledger.last_evaluation("risk", "a") is not None
    assert ledger.find_run("r1") == ledger.runs()[0]
    assert ledger.find_release("risk", "1") == ledger.releases()[0]


def test_who_is_no_writer_sees_nothing_and_is_told_what_is_missing(url: str) -> None:
    name = f"stranger_to_{conninfo_to_dict(url)['dbname']}"
    with connect(url) as connection:
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))
    stranger = Ledger(url.replace("user=postgres", f"user={name}"))
    with pytest.raises(HindcastError, match="members of role hindcast_writer may") as error:
        stranger.runs()
    assert "\n" not in str(error.value)


def test_every_table_has_its_guards_its_stamp_and_its_chain(url: str) -> None:
    guards, links = ["append_only", "append_only_truncate"], ["chain", "stamp"]
    wanted = {"chain": {"A": guards}} | {t.name: {"A": guards, "O": links} for t in chained()}
    with connect(url) as connection:
        found = connection.execute(
            "SELECT relname, tgenabled, array_agg(tgname ORDER BY tgname) FROM pg_trigger "
            "JOIN pg_class ON pg_class.oid = tgrelid WHERE relnamespace = 'ledger'::regnamespace "
            "AND NOT tgisinternal GROUP BY relname, tgenabled"
        ).fetchall()
    triggers = {t: {how: names for of, how, names in found if of == t} for t in TABLES}
    assert triggers == wanted
