"""Brings the ledger's schema to what this code needs; Alembic loads only where it is not there."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, column, inspect, select, table, text
from sqlalchemy.exc import ProgrammingError

from hindcast import names
from hindcast.errors import HindcastError, first_line
from hindcast.stores.ledger.tables import REVISION, VERSION_TABLE
from hindcast.stores.ledger.transactions import (
    INSUFFICIENT_PRIVILEGE,
    UNDEFINED_TABLE,
    lock,
    sqlstate,
    transaction,
)

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"

# Alembic keeps the migration that it works on in globals of its modules.
_one_at_a_time = threading.Lock()


def migrate(engine: Engine) -> None:
    """Upgrade to the newest revision unless it, or a later one, is there; many processes may.

    Raises HindcastError for a revision that this code does not know, and where the user may not.
    """
    if _is_enough(engine):
        return
    with _one_at_a_time, transaction(engine) as connection:
        lock(connection, "migration")
        _upgrade(connection)


def _is_enough(engine: Engine) -> bool:
    """Whether the schema has what this code needs; one query, and SELECT is enough for it.

    A later revision has, by the rule that migrations/README.md sets.
    """
    revisions = table(VERSION_TABLE, column("version_num"), schema=names.LEDGER_SCHEMA)
    with transaction(engine) as connection:
        try:
            found = list(connection.scalars(select(revisions)))
            return found == [REVISION] or any(_is_later(revision) for revision in found)
        except ProgrammingError as error:
            if sqlstate(error) != UNDEFINED_TABLE:
                raise
            return False


def _is_later(revision: str) -> bool:
    return revision.isdecimal() and int(revision) > int(REVISION)


def _upgrade(connection: Connection) -> None:
    from alembic import command

    config = configuration(connection)
    _check_known(connection, config)
    try:
        # Asked first: IF NOT EXISTS needs the privilege also where the schema exists.
        if not inspect(connection).has_schema(names.LEDGER_SCHEMA):
            connection.execute(text(f"CREATE SCHEMA {names.LEDGER_SCHEMA}"))
        command.upgrade(config, "head")
    except ProgrammingError as error:
        if sqlstate(error) != INSUFFICIENT_PRIVILEGE:
            raise
        raise HindcastError(
            f"the ledger needs migrating, and this user may not: {first_line(error.orig or error)}"
        ) from error


def configuration(connection: Connection) -> "Config":
    """Alembic's configuration for migrations/env.py, in place of an alembic.ini."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    # ConfigParser reads a lone % as the start of a reference.
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _check_known(connection: Connection, config: "Config") -> None:
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    place = {"version_table": VERSION_TABLE, "version_table_schema": names.LEDGER_SCHEMA}
    present = MigrationContext.configure(connection, opts=place).get_current_heads()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    strange = sorted(set(present) - known)
    if strange:
        raise HindcastError(
            f"the ledger's schema is at revision '{strange[0]}', which this version of Hindcast "
            f"does not know (its own is '{REVISION}'); upgrade Hindcast"
        )
