"""Wires settings, definitions and adapters together, once per process."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from hindcast import settings as settings_
from hindcast.errors import InputError, NotFoundError
from hindcast.instants import instant
from hindcast.settings import Settings
from hindcast.stores.home import tighten

# Each part is imported when it is first needed, so that a command loads what it uses alone.
if TYPE_CHECKING:
    from hindcast.compiler.query import Knowledge
    from hindcast.engines.base import Engine
    from hindcast.project import Project
    from hindcast.releases.store import ReleaseStore
    from hindcast.serving.line_tags import LineKeys
    from hindcast.stores.lake import Lake
    from hindcast.stores.ledger import Ledger, Promotion
    from hindcast.stores.online import OnlineStore

ENGINES = ("duckdb", "spark")


@dataclass(frozen=True)
class Application:
    """One project with the places its data live in."""

    settings: Settings
    project: "Project"

    @cached_property
    def lake(self) -> "Lake":
        """The lake, whose tables the ledger knows."""
        from hindcast.stores.integrity import Integrity
        from hindcast.stores.lake import Lake

        return Lake(self.settings.lake, Integrity(self.settings.lake, lambda: self.ledger.lake))

    @cached_property
    def database_url(self) -> str:
        """The database; starts the embedded Postgres where no other is configured."""
        from hindcast.stores import database

        return database.url(self.settings)

    @cached_property
    def store(self) -> "OnlineStore":
        """The online store."""
        from hindcast.stores.online import OnlineStore

        return OnlineStore(self.database_url)

    @cached_property
    def ledger(self) -> "Ledger":
        """The ledger of runs, releases and promotions."""
        from hindcast.stores.ledger import Ledger
        from hindcast.stores.ledger.heads import open_heads

        given = self.settings
        heads = open_heads(given.ledger_heads) if given.ledger_heads else None
        return Ledger(self.database_url, given.by, given.run_id, heads)

    @cached_property
    def releases(self) -> "ReleaseStore":
        """Where releases are kept."""
        from hindcast.releases.store import open_store

        return open_store(self.settings.releases, self.settings.home / "cache" / "releases")

    @cached_property
    def line_keys(self) -> "LineKeys | None":
        """The keys that prediction lines are tagged by; None of a deployment without."""
        from hindcast.stores import line_keys

        return line_keys.of(self.settings)

    def acting_for(self, name: str) -> "Application":
        """The same for somebody, by whom it promotes and runs."""
        given = self.settings
        # Who signs in by IAM does so when connecting; anybody else by what is found out already.
        url = given.database_url if given.database_auth else self.database_url
        return replace(self, settings=replace(given, database_url=url, by=name))

    def champion(self, model: str, at: datetime | None = None) -> "Promotion":
        """What is, or at an instant was, in production; raises NotFoundError where nothing is."""
        promotion = self.ledger.champion(model, at)
        if promotion is None:
            if at is not None:
                raise NotFoundError(
                    f"no release of model '{model}' was in production at {at.isoformat()}; "
                    "name a release"
                )
            raise NotFoundError(
                f"no release of model '{model}' is in production; run: hindcast train, or promote "
                "a release"
            )
        return promotion

    def release_folder(self, release: str) -> Path:
        """Where the release of this id lies on this machine, which the ledger must have so.

        Raises NotFoundError where the ledger has no such release, InputError for what is no id,
        ReleaseError where the folder is another, and what the store raises.
        """
        from hindcast.releases import recorded
        from hindcast.serving.release import model_of

        found = self.ledger.find_release(model_of(release), release)
        if found.release != release:  # How an id begins is enough to name a release, not to be one.
            raise NotFoundError(f"the ledger has no release {release}; it has {found.release}")
        return recorded.require(self.releases.fetch(release), found.manifest)


def application(
    home: Path | None = None, project: Path | None = None, compiled: bool = True
) -> Application:
    """Load settings and definitions, and close the home to others.

    Raises InputError or DefinitionError.

    compiled: whether to check the SQL of the definitions too, which what only names them can spare.
    """
    from hindcast.project import load, read

    loaded = settings_.load(home=home, project=project)
    tighten(loaded.home)
    return Application(loaded, (load if compiled else read)(loaded.project))


def engine(name: str) -> "Engine":
    """The engine of that name; imports only that one."""
    if name == "duckdb":
        from hindcast.engines.duckdb import DuckDBEngine

        return DuckDBEngine()
    if name == "spark":
        from hindcast.engines.spark import SparkEngine

        return SparkEngine()
    raise InputError(f"engine '{name}': unknown; use one of {', '.join(ENGINES)}")


def knowledge(
    as_of: str | None,
    known_by: str | None,
    now: datetime,
    fields: tuple[str, str] = ("as_of", "known_by"),
) -> "Knowledge":
    """The two clocks of a command or an event, each now where it is not given; rows know their own.

    fields: what the caller calls them. Raises InputError naming the one that is no instant.
    """
    from hindcast.compiler.query import Knowledge

    return Knowledge(
        as_of=now if as_of is None else instant(as_of, fields[0]),
        known_by=now if known_by is None else instant(known_by, fields[1]),
        per_row=True,
    )
