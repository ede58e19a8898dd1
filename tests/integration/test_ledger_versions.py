"""What the code of each revision sends goes on working on the newest schema.

The files of ledger_versions/ are recorded by RECORD=1, each by the code of its own time.
"""

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import event

from hindcast.stores.database import connect
from hindcast.stores.ledger import Ledger, heartbeats, migrate
from hindcast.stores.ledger.lake_records import NewCommit
from hindcast.stores.ledger.processes import Process
from hindcast.stores.ledger.tables import REVISION

FOLDER = Path(__file__).parent / "ledger_versions"
REVISIONS = [
    script.revision for script in ScriptDirectory(str(migrate.MIGRATIONS)).walk_revisions()
]
AT = datetime(2021, 9, 17, tzinfo=UTC)
INSERTED = re.compile(r"INSERT INTO (ledger\.\w+)")
# The instants of promotions and jobs are the database's.
INSTANT = re.compile(r"(promoted_at <= |< \()'[^']*'")
SECONDS = re.compile(r"\b\d+\.\d+(e-\d+)?\b")
# Which process records is not what is recorded here.
PROCESS = Process("here", None, None, 17, None)


def exercise(ledger: Ledger) -> None:
    """Use every method; each is a statement or more that the schema must go on answering."""
    with ledger.run("train", {"as_of": AT}, "r1") as run:
        run.outputs["release"] = "a"
        ledger.add_release("risk", "a", {"seed": 1}, {"auc": 1}, "/r/a", "r1")
    assert ledger.close_lost() == 0
    ledger.open_run("rebuild", {"execution": "e"}, "r2")
    ledger.close_run("r2", {}, "an alarm")
    assert [found.status for found in ledger.runs()] == ["failed", "succeeded"]
    assert [found.id for found in ledger.runs("train", "succeeded", 1)] == ["r1"]
    assert ledger.find_run("r1").outputs == {"release": "a"}
    assert ledger.releases("risk") == ledger.releases() == [ledger.find_release("risk", "1")]
    judged = ledger.add_evaluation("risk", "a", None, True, {"checks": []}, AT, AT, "r1")
    assert ledger.last_evaluation("risk", "a") == judged
    first = ledger.promote("risk", "a", None, "promote", False, None, judged.number, "ann")
    ledger.promote("risk", "a", first.number, "rollback", True, "a test", None, "bob")
    assert ledger.champion("risk", first.promoted_at) == first
    assert [one.by for one in ledger.promotions("risk")] == ["bob", "ann"]
    assert len(ledger.promotions()) == 2
    deliver(ledger)
    work(ledger)
    commit(ledger)
    assert ledger.chain.damage() == []
    assert ledger.chain.head() is not None


def commit(ledger: Ledger) -> None:
    """Use every method of the lake's commits."""
    lake, table = ledger.lake, "raw/loans"
    lake.intend(table, "i1")
    assert lake.open_intents(table, ["i1", "i2"]) == {"i1"}
    assert lake.recorded(table) is None
    begun = lake.adopt(table, "a test")
    lake.add(begun, [NewCommit(0, "adopted", None, 3, "e", 9, "c", "s", [("a.parquet", 7, "d")])])
    found = lake.recorded(table, 1)
    assert found is not None
    assert found.commits == [lake.commit(begun, 0)]
    assert lake.tables() == [table]


def work(ledger: Ledger) -> None:
    """Use every method of the jobs and the calls."""
    jobs, calls = ledger.jobs, ledger.calls
    job = jobs.add("j1", "train", {"model": "risk"}, "here", "ann")
    jobs.add("j2", "train", {"model": "risk"}, "here", "bob", "j1")
    assert jobs.open("here") == [job, jobs.find("j2")]
    jobs.start("j1", 17)
    assert jobs.end("j1", "failed", "no rows")
    assert [found.id for found in jobs.work("train", "failed")] == ["j1"]
    assert jobs.work(before=(jobs.find_work("j1").requested_at, "j1"), limit=1)
    assert jobs.requested_by("a") == []
    put = jobs.schedule("train", "0 2 * * *", False, {}, "ann")
    assert jobs.schedules() == [put]
    with calls.alone("ann", "k1"):
        calls.add("ann", "operator", "POST", "/jobs/train", 202, ("k1", "d", {"id": "j1"}))
    assert calls.kept("ann", "k1") is not None


def deliver(ledger: Ledger) -> None:
    """Use every method of the outbox."""
    outbox = ledger.outbox
    subscribed = outbox.subscribe("crm", "https://example.test/", ["Promoted"], "ann")
    assert outbox.subscriptions() == [subscribed]
    with outbox.alone("file") as is_mine:
        assert is_mine
    [promoted] = outbox.due("file", ["Promoted"], AT)
    assert outbox.record("file", promoted, "no disk", timedelta(0)) == "failed"
    assert outbox.record("file", outbox.due("file", ["Promoted"])[0], "no disk") == "dead"
    assert [last.attempt for _, last in outbox.undelivered()] == [2]
    assert outbox.resend(promoted.event.id) == 1
    assert outbox.record("file", promoted) == "delivered"
    assert outbox.events("Promoted") == [promoted.event]
    assert len(outbox.events()) > 1
    outbox.unsubscribe("crm", "bob")


def record(url: str) -> list[str]:
    """What this code sends when each method is used, with its values in it."""
    ledger, sent = Ledger(url, by="ann"), []
    ledger.migrate()

    def keep(_: Any, cursor: Any, statement: str, parameters: Any, *more: Any) -> None:
        text = psycopg.ClientCursor(cursor.connection).mogrify(statement, parameters)
        sent.append(SECONDS.sub("1.5", text))

    event.listen(ledger._engine, "before_cursor_execute", keep)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heartbeats, "this_process", lambda: PROCESS)
        exercise(ledger)
    return [INSTANT.sub(r"\1'2100-01-01'", one) for one in sent]


def replay(url: str, statements: list[str]) -> None:
    """Send what was recorded, as a member of the role that writes in production."""
    with connect(url) as session:
        session.execute("SET ROLE hindcast_writer")
        for statement in statements:
            session.execute(statement.encode())


def recorded(revision: str) -> list[str]:
    found: list[str] = json.loads((FOLDER / f"{revision}.json").read_text())
    return found


def test_each_revision_has_its_record() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {*REVISIONS}


def test_the_newest_record_is_what_this_code_sends(database_url: str) -> None:
    sent = record(database_url)
    path = FOLDER / f"{REVISION}.json"
    if os.environ.get("RECORD"):
        path.write_text(json.dumps(sent, indent=1) + "\n")
    assert sent == recorded(REVISION), "meant? run: RECORD=1 pytest " + Path(__file__).name


@pytest.mark.parametrize("revision", REVISIONS)
def test_the_code_of_a_revision_works_on_the_newest_schema(
    database_url: str, revision: str
) -> None:
    Ledger(database_url).migrate()
    statements = recorded(revision)
    replay(database_url, statements)
    with connect(database_url) as session:
        for table in {name for one in statements for name in INSERTED.findall(one)}:
            assert session.execute(f"TABLE {table}".encode()).fetchall(), table


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE ledger.runs ADD COLUMN host text NOT NULL",
        "ALTER TABLE ledger.releases RENAME COLUMN location TO place",
        "ALTER TABLE ledger.promotions DROP COLUMN reason",
        "ALTER TABLE ledger.evaluations ADD CHECK (champion IS NOT NULL)",
        "ALTER TABLE ledger.promotions RENAME CONSTRAINT promotions_one_follower TO other",
        "REVOKE INSERT ON ledger.run_ends FROM hindcast_writer",
    ],
)
def test_a_change_that_breaks_it_is_noticed(database_url: str, change: str) -> None:
    Ledger(database_url).migrate()
    with connect(database_url) as session:
        session.execute(change.encode())
    with pytest.raises(psycopg.Error):
        replay(database_url, recorded(REVISION))
