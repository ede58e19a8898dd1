"""Bring a database, from nothing or from any version before, to what this version needs.

Run by an administrator, who need not be a superuser (on RDS nobody is). What the schemas may become
is ruled by hindcast/stores/ledger/migrations/README.md.
"""

from dataclasses import dataclass

from hindcast import names
from hindcast.bootstrap import Application
from hindcast.errors import InputError
from hindcast.models.registry.registry import open_registry
from hindcast.operations import users
from hindcast.stores import database


@dataclass(frozen=True)
class Migrated:
    """What there is now that was not, what was and is not, and what is done at every run."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    renewed: tuple[str, ...]


def migrate(application: Application) -> Migrated:
    """Make or upgrade schemas, users and what these may do; any number of runs at once may.

    Raises InputError where the worker's secret cannot be used, HindcastError where the server has
    no IAM authentication or the user may not, StoreUnavailableError without Postgres.
    """
    secret = _worker_secret(application)
    with users.administering(application.database_url) as session:
        users.check_server(session)
        before = users.state(session)
        application.ledger.migrate()
        application.store.ensure()
        open_registry(application.database_url, application.settings.releases).migrate()
        users.make(session, secret.password)
        users.allow(session)
        after = users.state(session)
    renewed = f"password of {names.DATABASE_WORKER}, from secret {secret.name}"
    return Migrated(tuple(sorted(after - before)), tuple(sorted(before - after)), (renewed,))


@dataclass(frozen=True)
class _Secret:
    name: str
    password: str


def _worker_secret(application: Application) -> _Secret:
    """Read anew at each run: to rotate the password, change the secret and migrate."""
    name = application.settings.worker_secret
    if name is None:
        raise InputError(f"{names.ENV_WORKER_SECRET} is not set: it names the worker's secret")
    secret = database.read_secret(name)
    if secret.get("username") != names.DATABASE_WORKER or not secret.get("password"):
        raise InputError(
            f"secret {name}: it needs a password, and the username {names.DATABASE_WORKER}"
        )
    return _Secret(name, str(secret["password"]))
