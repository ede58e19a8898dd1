"""What an administrator of the database did to the ledger is found, and named."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import boto3
import psycopg
import pytest

from hindcast import settings
from hindcast.errors import HindcastError
from hindcast.project import examples
from hindcast.stores.database import connect
from hindcast.stores.ledger import Ledger
from hindcast.stores.ledger.heads import BucketHeads, FolderHeads
from tests.integration import moto_aws
from tests.integration.lifecycle import Shell

OFF = "SET session_replication_role = replica"
LONG_AGO = datetime(1990, 1, 1, tzinfo=UTC)
REMAKE = """
ALTER TABLE ledger.chain DISABLE TRIGGER ALL;
DELETE FROM ledger.chain;
SELECT ledger.link('runs', to_jsonb(r), ARRAY['id'], started_at) FROM ledger.runs r ORDER BY number;
SELECT ledger.link('run_ends', to_jsonb(e), ARRAY['id'], ended_at) FROM ledger.run_ends e;
SELECT ledger.link('events', to_jsonb(e), ARRAY['number'], occurred_at) FROM ledger.events e;
SELECT ledger.link('heartbeats', to_jsonb(h), ARRAY['number'], beat_at) FROM ledger.heartbeats h
"""


@pytest.fixture
def heads(tmp_path: Path) -> FolderHeads:
    return FolderHeads(tmp_path / "heads")


@pytest.fixture
def ledger(database_url: str, heads: FolderHeads) -> Ledger:
    """Three runs: two entries for the start of each, a heartbeat; two for its end, an event."""
    opened = Ledger(database_url, heads=heads)
    for number in (1, 2, 3):
        with opened.run("ingest", {"file": f"{number}.csv"}, f"r{number}"):
            pass
    return opened


def tamper(url: str, *statements: str) -> None:
    """Do as a superuser who takes every guard away."""
    with connect(url) as session:
        for table in ("runs", "run_ends", "events", "heartbeats", "chain"):
            session.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL".encode())
        for statement in statements:
            session.execute(statement.encode())


def found(ledger: Ledger) -> list[str]:
    return [damage.what for damage in ledger.chain.damage()]


def test_an_untouched_ledger_is_whole_whatever_the_session_s_settings(
    ledger: Ledger, database_url: str, heads: FolderHeads
) -> None:
    odd = "?options=-ctimezone%3DAsia/Kathmandu%20-cextra_float_digits%3D-3&"
    elsewhere = Ledger(database_url.replace("?", odd), heads=heads)
    with elsewhere.run("ingest", {"share": 0.1}, "r4"):
        pass
    assert found(ledger) == found(elsewhere) == []
    assert heads.kept()[-1] == ledger.chain.head()
    assert Path(heads.place).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("statement", "place", "what"),
    [
        ("DELETE FROM ledger.runs WHERE id = 'r2'", 5, 'runs ["r2"]: the row was removed'),
        (
            "UPDATE ledger.run_ends SET status = 'failed', error = 'x' WHERE id = 'r1'",
            3,
            'run_ends ["r1"]: the row was changed since it was written',
        ),
        (
            "UPDATE ledger.runs SET parameters = '{}', by = NULL WHERE id = 'r3'",
            9,
            'runs ["r3"]: the row was changed since it was written',
        ),
        (
            "INSERT INTO ledger.runs (id, kind, parameters) VALUES ('r4', 'train', '{}')",
            None,
            'runs ["r4"]: the row was inserted past the chain\'s trigger',
        ),
        ("DELETE FROM ledger.chain WHERE place = 3", 4, "the entries before place 4 are gone"),
        (
            "UPDATE ledger.chain SET digest = 'x' WHERE place = 9",
            9,
            "entry 9, of runs r3, does not follow from the one before",
        ),
    ],
    ids=["delete", "change", "change a start", "insert", "unchain", "change an entry"],
)
def test_the_first_row_that_is_wrong_is_named(
    ledger: Ledger, database_url: str, statement: str, place: int | None, what: str
) -> None:
    tamper(database_url, statement)
    first = ledger.chain.damage()[0]
    assert (first.place, first.what.removeprefix("ledger.")) == (place, what)


def test_a_backdated_row_is_found_also_with_an_entry_of_its_own(
    ledger: Ledger, database_url: str
) -> None:
    forged = "INSERT INTO ledger.runs (id, kind, parameters, started_at) VALUES "
    entry = "SELECT ledger.link('runs', to_jsonb(r), ARRAY['id'], {at}) FROM ledger.runs r WHERE id"
    tamper(
        database_url,
        f"{forged} ('b1', 'train', '{{}}', '{LONG_AGO}')",
        f"{entry.format(at='now()')} = 'b1'",
    )
    assert found(ledger) == ['ledger.runs ["b1"]: the row\'s instant is not when it was written']
    tamper(
        database_url,
        f"{forged} ('b2', 'train', '{{}}', '{LONG_AGO}')",
        f"{entry.format(at='started_at')} = 'b2'",
    )
    assert "entry 14, of runs b2, is dated before those before it" in found(ledger)


def test_a_tail_that_was_cut_off_is_found_by_the_head_outside(
    ledger: Ledger, database_url: str, heads: FolderHeads
) -> None:
    tamper(
        database_url,
        "DELETE FROM ledger.run_ends WHERE id = 'r3'",
        "DELETE FROM ledger.events WHERE subject = 'r3'",
        "DELETE FROM ledger.heartbeats WHERE run_id = 'r3'",
        "DELETE FROM ledger.runs WHERE id = 'r3'",
        "DELETE FROM ledger.chain WHERE place > 8",
    )
    assert found(Ledger(database_url)) == [], "the database alone cannot tell"
    assert found(ledger) == ["the ledger ends at place 8; a head was kept of place 12"]


def test_a_chain_that_was_made_anew_is_found_by_the_head_outside(
    ledger: Ledger, database_url: str
) -> None:
    tamper(
        database_url,
        "UPDATE ledger.run_ends SET status = 'failed', error = 'x'",
        *REMAKE.split(";"),
    )
    assert found(Ledger(database_url)) == []
    assert found(ledger) == [
        "the chain was made anew: place 4 has another head than the one kept of it"
    ]


def test_a_file_of_heads_that_was_changed_is_named(ledger: Ledger, heads: FolderHeads) -> None:
    Path(heads.place).write_text("{}\n")
    with pytest.raises(HindcastError, match=r"heads\.jsonl line 1: it is no head"):
        ledger.chain.damage()


def test_heads_in_a_bucket_outlive_their_deletion(ledger: Ledger, database_url: str) -> None:
    with moto_aws.bucket("heads") as uri:
        away = Ledger(database_url, heads=BucketHeads(f"{uri}/ledger"))
        client = boto3.client("s3")
        client.put_bucket_versioning(Bucket="heads", VersioningConfiguration={"Status": "Enabled"})
        away.chain.keep()
        [listed] = client.list_objects_v2(Bucket="heads")["Contents"]
        client.delete_object(Bucket="heads", Key=listed["Key"])
        assert BucketHeads(f"{uri}/ledger").kept() == [ledger.chain.head()]
        tamper(database_url, "DELETE FROM ledger.chain WHERE place > 11")
        assert "the ledger ends at place 11; a head was kept of place 12" in found(away)


@pytest.mark.parametrize("column", ["started_at", "ended_at"])
def test_a_writer_cannot_say_when(ledger: Ledger, database_url: str, column: str) -> None:
    table, values = (
        ("runs", "(id, kind, parameters, started_at) VALUES ('late', 'x', '{}', %s)")
        if column == "started_at"
        else (
            "run_ends",
            "(id, status, inputs, outputs, seconds, ended_at) "
            "VALUES ('open', 'succeeded', '{}', '{}', 1, %s)",
        )
    )
    ledger.open_run("rebuild", {}, "open")
    with connect(database_url) as session:
        session.execute("SET ROLE hindcast_writer")
        session.execute(f"INSERT INTO ledger.{table} {values}".encode(), [LONG_AGO])
        row = session.execute(f"SELECT min({column}) > '2020-01-01' FROM ledger.{table}".encode())
        assert row.fetchone() == (True,)
    assert found(ledger) == []


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO ledger.chain VALUES (99, 'runs', '[]', '', NULL, '')",
        "SELECT ledger.link('runs', '{}', ARRAY['id'], now())",
    ],
    ids=["insert", "link"],
)
def test_a_writer_makes_no_entries(ledger: Ledger, database_url: str, statement: str) -> None:
    with connect(database_url) as session:
        session.execute("SET ROLE hindcast_writer")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(statement.encode())


def test_writers_at_once_make_one_chain_and_wait_for_no_open_transaction(
    ledger: Ledger, database_url: str
) -> None:
    def work(name: str) -> Callable[[], None]:
        def write() -> None:
            for number in range(10):
                with Ledger(database_url).run("ingest", {}, f"{name}{number}"):
                    pass

        return write

    with connect(database_url) as open_session:
        # Its entry is made when it commits: till then it holds nobody up.
        open_session.execute(
            "INSERT INTO ledger.runs (id, kind, parameters) VALUES ('slow', 'x', '{}')"
        )
        threads = [threading.Thread(target=work(name)) for name in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found(ledger) == []
    last = ledger.chain.head()
    assert last is not None
    assert last.place == 12 + 3 * 10 * 4 + 1


def test_the_command_names_what_is_wrong_and_ends_with_1(
    ledger: Ledger,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    place = settings.load({}, home=tmp_path, project=examples() / "credit_risk")
    shell = Shell(monkeypatch, capsys, replace(place, database_url=database_url))
    checked = {"ledger": 14, "releases": 0, "lake": 0, "predictions": 0}
    assert shell.json("verify") == {"checked": checked, "damage": [], "unproven": {}}
    tamper(database_url, "DELETE FROM ledger.runs WHERE id = 'r2'")
    code, out, _ = shell.run("verify")
    assert code == 1
    assert 'ledger: ledger.runs ["r2"]: the row was removed' in out
