"""The database's users: predict's, who reads the online store, Glue's, and one of each function.

What is so already is not touched, so that a run without news waits for nobody.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from hindcast import names
from hindcast.errors import HindcastError, StoreUnavailableError, first_line
from hindcast.models.registry.mlflow_store import SCHEMA as MLFLOW_SCHEMA
from hindcast.operations.grants import GRANTS, Grants
from hindcast.stores.database import connect

Session = psycopg.Connection[tuple[Any, ...]]

READER, WORKER, WRITER = names.DATABASE_READER, names.DATABASE_WORKER, names.LEDGER_WRITER
FUNCTIONS = tuple(map(names.database_user, names.DATABASE_FUNCTIONS))
USERS = (READER, WORKER, *FUNCTIONS)
# Who reads what the worker loads.
_ONLINE_READERS = (READER, *(user for user in FUNCTIONS if GRANTS[user].online))
# The role whose members RDS lets in by IAM's tokens, and by nothing else.
IAM = "rds_iam"
_NOT_GRANTED = "01007"
# For another run of this, and for whoever holds a table that is handed over.
LOCK_WAIT, TABLE_WAIT = "300s", "10s"

_NAMES = {
    "reader": sql.Identifier(READER),
    "worker": sql.Identifier(WORKER),
    "writer": sql.Identifier(WRITER),
    "iam": sql.Identifier(IAM),
    "online": sql.Identifier(names.ONLINE_SCHEMA),
    "versions": sql.Identifier(names.ONLINE_SCHEMA, names.ONLINE_VERSIONS),
    "ledger": sql.Identifier(names.LEDGER_SCHEMA),
    "online_readers": sql.SQL(", ").join(map(sql.Identifier, _ONLINE_READERS)),
    "mlflow": sql.Identifier(MLFLOW_SCHEMA),
    "revision": sql.Identifier(MLFLOW_SCHEMA, "alembic_version"),
}
# Postgres counts whoever makes a role among its members, and RDS lets members of rds_iam in by
# IAM's tokens only: made by a role that is gone again, or the administrator's password would end.
_MAKE = """
CREATE ROLE hindcast_maker CREATEROLE;
GRANT hindcast_maker TO CURRENT_USER;
SET LOCAL ROLE hindcast_maker;
CREATE ROLE {user} LOGIN
"""
# Set with the role, as an RDS Proxy takes none from a client, and only who made it may.
_LIMIT_READER = """
ALTER ROLE {reader} SET statement_timeout = '1s';
ALTER ROLE {reader} SET lock_timeout = '500ms';
ALTER ROLE {reader} SET idle_in_transaction_session_timeout = '5s';
ALTER ROLE {reader} SET default_transaction_read_only = on
"""
_MADE = "RESET ROLE; DROP ROLE hindcast_maker"
# The worker owns what it loads and swaps; what it makes later is read by who reads all of it.
_PRIVILEGES = """
REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC;
GRANT USAGE ON SCHEMA {online} TO {worker}, {online_readers};
GRANT CREATE ON SCHEMA {online} TO {worker};
GRANT SELECT, INSERT ON {versions} TO {worker};
ALTER DEFAULT PRIVILEGES FOR ROLE {worker} IN SCHEMA {online}
    GRANT SELECT ON TABLES TO {online_readers}
"""
# What it had before and needs no more goes first, in the same transaction.
_OF_THE_LEDGER = """
GRANT USAGE ON SCHEMA {ledger} TO {user};
REVOKE INSERT ON ALL TABLES IN SCHEMA {ledger} FROM {user};
GRANT SELECT ON ALL TABLES IN SCHEMA {ledger} TO {user};
GRANT INSERT ON {tables} TO {user}
"""
_OF_MLFLOW = """
REVOKE INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {mlflow} FROM {user};
REVOKE USAGE ON ALL SEQUENCES IN SCHEMA {mlflow} FROM {user};
GRANT USAGE ON SCHEMA {mlflow} TO {user};
GRANT SELECT ON ALL TABLES IN SCHEMA {mlflow} TO {user}
"""
_WRITES_MLFLOW = """
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {mlflow} TO {user};
REVOKE INSERT, UPDATE, DELETE ON {revision} FROM {user};
GRANT USAGE ON ALL SEQUENCES IN SCHEMA {mlflow} TO {user}
"""
# Online tables and views by name, whether the worker owns each, and whether all may read it who do.
_ONLINE = """
SELECT relname, relowner = %(worker)s::regrole,
    (SELECT bool_and(has_table_privilege(reader, oid, 'SELECT'))
        FROM unnest(%(readers)s::text[]) AS reader)
FROM pg_class WHERE relnamespace = %(schema)s::regnamespace AND relkind IN ('r', 'v')
AND relname <> %(versions)s ORDER BY relname
"""
# What there is and who may what, as lines of text; privileges are counted by schema.
_STATE = """
WITH users AS (SELECT oid, rolname FROM pg_roles WHERE rolname = ANY (%(users)s))
SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = ANY (%(schemas)s)
UNION ALL SELECT 'user ' || rolname FROM users
UNION ALL SELECT format('%%s begins with %%s', rolname, unnest(rolconfig))
    FROM pg_roles WHERE rolname = ANY (%(users)s)
UNION ALL SELECT users.rolname || ' is a member of ' || roleid::regrole
    FROM pg_auth_members JOIN users ON users.oid = member
UNION ALL SELECT format('%%s may %%s in schema %%s', rolname, privilege_type, nspname)
    FROM pg_namespace, aclexplode(nspacl) JOIN users ON users.oid = grantee
UNION ALL SELECT format('%%s may %%s on %%s relations of %%s', rolname, privilege_type, count(*),
        relnamespace::regnamespace)
    FROM pg_class, aclexplode(relacl) JOIN users ON users.oid = grantee
    WHERE grantee <> relowner GROUP BY rolname, privilege_type, relnamespace
UNION ALL SELECT format('%%s owns %%s relations of %%s', rolname, count(*),
        relnamespace::regnamespace)
    FROM pg_class JOIN users ON users.oid = relowner WHERE relkind IN ('r', 'v')
    GROUP BY rolname, relnamespace
UNION ALL SELECT format('%%s may %%s what %%s makes in %%s', users.rolname, privilege_type,
        defaclrole::regrole, defaclnamespace::regnamespace)
    FROM pg_default_acl, aclexplode(defaclacl) JOIN users ON users.oid = grantee
"""


@contextmanager
def administering(url: str) -> Iterator[Session]:
    """A session of the administrator, alone with the database's users; its errors are Hindcast's.

    Raises StoreUnavailableError when Postgres does not answer or another run takes too long.
    """
    with connect(url, autocommit=True) as session:
        try:
            session.execute(f"SET lock_timeout = '{LOCK_WAIT}'")
            session.execute("SELECT pg_advisory_lock(hashtextextended('hindcast migrate', 0))")
            session.execute(f"SET lock_timeout = '{TABLE_WAIT}'")
            yield session
        except psycopg.errors.LockNotAvailable as error:
            raise StoreUnavailableError(
                f"another migration, or whoever reads the online store, took too long; run it "
                f"again: {first_line(error)}"
            ) from error
        except psycopg.OperationalError as error:
            raise StoreUnavailableError(f"Postgres: {first_line(error)}") from error
        except psycopg.Error as error:
            raise HindcastError(f"Postgres: {first_line(error)}") from error


def check_server(session: Session) -> None:
    """Raise HindcastError unless the server lets users in by IAM."""
    if not _exists(session, IAM):
        raise HindcastError(
            f"the server has no role {IAM}, by which {READER} signs in; on RDS turn on IAM "
            f"authentication, elsewhere CREATE ROLE {IAM} NOLOGIN"
        )


def state(session: Session) -> set[str]:
    """Schemas with their revisions, users, and what these may do: a line for each fact."""
    schemas = [names.LEDGER_SCHEMA, names.ONLINE_SCHEMA, MLFLOW_SCHEMA]
    given = {"users": list(USERS), "schemas": schemas}
    found = {line for (line,) in session.execute(_STATE, given)}
    for schema in (names.LEDGER_SCHEMA, MLFLOW_SCHEMA):
        table = sql.Identifier(schema, "alembic_version")
        if session.execute("SELECT to_regclass(%s)", [table.as_string(session)]).fetchone() != (
            None,
        ):
            rows = session.execute(sql.SQL("SELECT version_num FROM {}").format(table))
            found |= {f"schema {schema} at revision {revision}" for (revision,) in rows}
    return found


def make(session: Session, password: str) -> None:
    """Create the users where they are missing: the worker with its password, the others by IAM."""
    for name in (READER, *FUNCTIONS):
        _make_by_iam(session, name)
    if not _exists(session, WORKER):
        _run(session, "CREATE ROLE {worker} LOGIN")
    # As a verifier: statements may be logged, and must not show the password.
    verifier = session.pgconn.encrypt_password(
        password.encode(), WORKER.encode(), b"scram-sha-256"
    ).decode()
    _run(session, "ALTER ROLE {worker} PASSWORD {verifier}", verifier=sql.Literal(verifier))


def _make_by_iam(session: Session, name: str) -> None:
    user = sql.Identifier(name)
    if not _exists(session, name):
        with session.transaction():
            _run(session, _MAKE, user=user)
            if name == READER:
                _run(session, _LIMIT_READER)
            _run(session, _MADE)
    if not _is_member(session, name, IAM):
        _run(session, "GRANT {iam} TO {user}", user=user)


def allow(session: Session) -> None:
    """Grant what the users need, and hand over to the worker what others made in the store.

    Raises HindcastError for what is not the administrator's to grant.
    """
    database = sql.Identifier(session.info.dbname)
    with session.transaction(), _granting(session), _acting_for_worker(session):
        _run(session, _PRIVILEGES, database=database)
        if _is_member(session, WORKER, WRITER):  # Of a version in which it did everybody's work.
            _run(session, "REVOKE {writer} FROM {worker}")
        for user, grants in GRANTS.items():
            _allow_user(session, sql.Identifier(user), grants)
        for relation, owned, readable in _online(session):
            table = sql.Identifier(names.ONLINE_SCHEMA, relation)
            if not owned:
                _run(session, "ALTER TABLE {table} OWNER TO {worker}", table=table)
            if not readable:
                _run(session, "GRANT SELECT ON {table} TO {online_readers}", table=table)


def _allow_user(session: Session, user: sql.Identifier, grants: Grants) -> None:
    kept = "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename = ANY (%s)"
    found = session.execute(kept, [names.LEDGER_SCHEMA, sorted(grants.adds)])
    tables = [sql.Identifier(names.LEDGER_SCHEMA, table) for (table,) in found]
    _run(session, _OF_THE_LEDGER, user=user, tables=sql.SQL(", ").join(tables))
    if grants.online == "reads":
        _run(session, "GRANT SELECT ON {versions} TO {user}", user=user)
    if grants.mlflow:
        _run(session, _OF_MLFLOW, user=user)
    if grants.mlflow == "writes":
        _run(session, _WRITES_MLFLOW, user=user)


@contextmanager
def _granting(session: Session) -> Iterator[None]:
    """Fail where Postgres only warns: of a grant by who neither owns nor may hand on."""
    refused: list[str] = []

    def hear(notice: psycopg.errors.Diagnostic) -> None:
        if notice.sqlstate == _NOT_GRANTED:
            refused.append(str(notice.message_primary))

    session.add_notice_handler(hear)
    try:
        yield
    finally:
        session.remove_notice_handler(hear)
    if refused:
        raise HindcastError(
            f"{refused[0]}; have its owner migrate, or make the migrating user own it"
        )


@contextmanager
def _acting_for_worker(session: Session) -> Iterator[None]:
    """Be a member of the worker, for what only an owner may do."""
    asked = "SELECT pg_has_role(%(worker)s, 'USAGE') AND pg_has_role(%(worker)s, 'SET')"
    is_one = session.execute(asked, {"worker": WORKER}).fetchone() == (True,)
    if not is_one:
        _run(session, "GRANT {worker} TO CURRENT_USER")
    yield
    if not is_one:
        _run(session, "REVOKE {worker} FROM CURRENT_USER")


def _online(session: Session) -> list[tuple[Any, ...]]:
    given = {
        "worker": WORKER,
        "readers": list(_ONLINE_READERS),
        "schema": names.ONLINE_SCHEMA,
        "versions": names.ONLINE_VERSIONS,
    }
    return session.execute(_ONLINE, given).fetchall()


def _exists(session: Session, role: str) -> bool:
    return session.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).rowcount == 1


def _is_member(session: Session, user: str, role: str) -> bool:
    """Whether a user was made a member; of itself a superuser is one of every role."""
    statement = """
        SELECT FROM pg_auth_members
        WHERE member = %s::regrole AND roleid = %s::regrole AND inherit_option
    """
    return session.execute(statement, [user, role]).rowcount > 0


def _run(session: Session, statement: LiteralString, **more: sql.Composable) -> None:
    session.execute(sql.SQL(statement).format(**_NAMES, **more))
