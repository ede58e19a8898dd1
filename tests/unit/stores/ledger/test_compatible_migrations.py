"""Every revision of the ledger leaves the version before at work; see its README."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from alembic import op
from alembic.script import Script, ScriptDirectory

from hindcast.stores.ledger.migrate import MIGRATIONS
from tests.unit.stores.ledger.compatibility import breaches, statements

REVISIONS = list(ScriptDirectory(str(MIGRATIONS)).walk_revisions())
Upgrade = Callable[[], None]


@pytest.mark.parametrize("script", REVISIONS, ids=lambda script: script.revision)
def test_a_revision_only_adds(script: Script) -> None:
    assert breaches(script.module.upgrade, first=script.down_revision is None) == []


def test_revisions_are_numbered_so_that_code_knows_a_later_one() -> None:
    numbers = [script.revision for script in reversed(REVISIONS)]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_the_check_reads_every_statement_of_a_revision() -> None:
    first = REVISIONS[-1]
    texts = [statement.text for statement in statements(first.module.upgrade)]
    assert sum(text.startswith("CREATE TABLE") for text in texts) == 5
    assert sum(text.startswith("CREATE TRIGGER") for text in texts) == 11
    assert "GRANT USAGE ON SCHEMA LEDGER TO HINDCAST_WRITER" in texts


def sql(text: str) -> Upgrade:
    return lambda: op.execute(text)


def add(column: sa.Column[object]) -> Upgrade:
    return lambda: op.add_column("runs", column, schema="ledger")


def alter(name: str, **change: object) -> Upgrade:
    return lambda: op.alter_column("runs", name, schema="ledger", **change)  # type: ignore[arg-type]


def new_table() -> None:
    """Whatever the constraints of what is new, nobody has written there yet."""
    op.create_table(
        "notes",
        sa.Column("id", sa.Text, sa.ForeignKey("ledger.runs.id"), primary_key=True),
        sa.Column("text", sa.Text, nullable=False, unique=True),
        schema="ledger",
    )
    op.execute("ALTER TABLE ledger.notes ADD CHECK (text <> '; DROP TABLE x')")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ledger.notes FOR EACH ROW "
        "EXECUTE FUNCTION ledger.refuse_change(); ALTER TABLE ledger.notes ENABLE ALWAYS TRIGGER "
        "append_only; GRANT SELECT, INSERT ON ledger.notes TO hindcast_writer"
    )


@pytest.mark.parametrize(
    "upgrade",
    [
        new_table,
        add(sa.Column("host", sa.Text)),
        sql("CREATE INDEX runs_started ON ledger.runs (started_at)"),
        sql("COMMENT ON TABLE ledger.runs IS 'DROP TABLE is only said'"),
        sql("CREATE FUNCTION ledger.f() RETURNS void LANGUAGE sql AS $$ DELETE FROM x $$"),
        sql("DO $$ BEGIN CREATE ROLE someone NOLOGIN; END $$"),
    ],
)
def test_what_only_adds_is_let_through(upgrade: Upgrade) -> None:
    assert breaches(upgrade) == []


@pytest.mark.parametrize(
    "upgrade",
    [
        lambda: op.drop_table("runs", schema="ledger"),
        lambda: op.drop_column("runs", "kind", schema="ledger"),
        lambda: op.rename_table("runs", "works", schema="ledger"),
        lambda: op.drop_constraint("run_ends_status", "run_ends", schema="ledger"),
        lambda: op.create_unique_constraint("one", "runs", ["kind"], schema="ledger"),
        lambda: op.create_check_constraint("some", "runs", "kind <> ''", schema="ledger"),
        lambda: op.create_index("one", "runs", ["kind"], unique=True, schema="ledger"),
        alter("kind", new_column_name="sort"),
        alter("kind", type_=sa.String(10)),
        alter("kind", nullable=False),
        alter("started_at", server_default=None),
        add(sa.Column("host", sa.Text, nullable=False)),
        add(sa.Column("tries", sa.Integer, server_default="1")),
        add(sa.Column("serial", sa.BigInteger, sa.Identity(always=True), nullable=False)),
        add(sa.Column("one", sa.Integer, unique=True)),
        sql("ALTER TABLE ledger.runs ADD COLUMN a int, ADD COLUMN b int NOT NULL"),
        sql("ALTER TABLE ledger.runs ADD COLUMN a int CHECK (a > 0)"),
        sql("ALTER TABLE ledger.runs ADD COLUMN a int; ALTER TABLE ledger.runs DROP COLUMN kind"),
        sql("alter table ledger.runs /* quietly */ drop column kind"),
        sql("ALTER TABLE ledger.runs SET SCHEMA other"),
        sql("ALTER TABLE ledger.runs ENABLE ROW LEVEL SECURITY"),
        sql("CREATE TRIGGER no BEFORE INSERT ON ledger.runs EXECUTE FUNCTION ledger.no()"),
        sql("CREATE OR REPLACE FUNCTION ledger.stamp_promotion() RETURNS trigger AS $$ $$"),
        sql("REVOKE INSERT ON ledger.runs FROM hindcast_writer"),
        sql("UPDATE ledger.runs SET kind = 'x'"),
        sql("DO $$ BEGIN EXECUTE 'x'; ALTER TABLE ledger.runs DROP COLUMN kind; END $$"),
        sql("DROP ROLE hindcast_writer"),
        sql("CREATE TABLE ledger.notes (x int); DROP TABLE ledger.runs"),
    ],
)
def test_what_breaks_the_version_before_is_refused(upgrade: Upgrade) -> None:
    assert len(breaches(upgrade)) == 1
