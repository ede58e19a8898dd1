"""The ledger's operations, each one transaction."""

import getpass
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from hindcast.stores.ledger import documents, migrate, promotions, releases, running, runs
from hindcast.stores.ledger.calls import Calls
from hindcast.stores.ledger.chain import Chain
from hindcast.stores.ledger.heads import Heads
from hindcast.stores.ledger.jobs import Jobs
from hindcast.stores.ledger.lake_commits import LakeCommits
from hindcast.stores.ledger.outbox import Outbox
from hindcast.stores.ledger.records import Action, Evaluation, Promotion, ReleaseRecord, Run
from hindcast.stores.ledger.runs import OpenRun
from hindcast.stores.ledger.transactions import check_instant, engine_of, transaction


class Ledger:
    """The ledger of one database, brought to this code's schema before its first use.

    Every method raises StoreUnavailableError when Postgres does not answer. No connection stays
    open between calls, so that threads may share one ledger, and long runs hold none.
    by: who runs what it records, by default the system's user. run_id: the id that the first run
    gets, where whoever started this process gave one; runs.ids_of_job says what follows it.
    heads: where the chain's head is kept after each run, release and promotion.
    """

    def __init__(
        self,
        url: str,
        by: str | None = None,
        run_id: str | None = None,
        heads: Heads | None = None,
    ) -> None:
        self._engine = engine_of(url)
        self._heads, self._by, self._migrated = heads, by, False
        self._ids = runs.ids_of_job(run_id) if run_id else iter(())

    @property
    def by(self) -> str:
        """Who runs what this ledger records."""
        return self._by or getpass.getuser()

    def migrate(self) -> None:
        """Create or upgrade the schema; one query when it is the newest.

        Raises HindcastError for a schema newer than this code, and where the user may not.
        """
        migrate.migrate(self._engine)
        self._migrated = True

    @contextmanager
    def run(
        self,
        kind: str,
        parameters: Mapping[str, Any],
        run_id: str | None = None,
        apart: timedelta | None = None,
    ) -> Iterator[OpenRun]:
        """Record the work of a with statement: its start now, its end and outcome when it ends.

        The work's own exception is raised even if the ledger cannot be told. Raises
        StoreUnavailableError when the work is done but that cannot be recorded. apart: the least
        time since the start of the last run of its kind and model; sooner is a TooSoonError.
        """
        run = OpenRun(kind, parameters=parameters, by=self.by)
        given = next(self._ids, None)
        run.id = run_id or given or run.id

        def start(connection: Connection, run: OpenRun) -> None:
            if apart is not None:
                runs.require_apart(connection, run, apart)
            (runs.begin if given and not run_id else runs.start)(connection, run)

        with running.recorded(self._transaction, self.chain.keep, run, start):
            yield run

    def close_lost(self) -> int:
        """End, as interrupted, the open runs whose processes are gone; how many there were."""
        return running.close_lost(self._transaction)

    def open_run(
        self, kind: str, parameters: Mapping[str, Any], run_id: str, held: Sequence[str] = ()
    ) -> Run:
        """Start a run that other processes go on with, and `close_run` ends.

        Only one of a kind is open at a time, or only one for each value of any parameter that is
        `held`: the answer is this one, or the one in its way. The same id again gives the same run;
        raises ConflictError where it has ended.
        """
        with self._transaction() as connection:
            opened = OpenRun(kind, run_id, parameters, by=self.by)
            return runs.open_alone(connection, opened, held)

    def begin_apart(
        self,
        kind: str,
        parameters: Mapping[str, Any],
        run_id: str,
        apart: timedelta,
        begin: Callable[[], None],
    ) -> None:
        """Start a run that `begin` hands to other processes, which `close_run` it.

        None is recorded where `begin` raises. Raises TooSoonError as `run` does.
        """
        with self._transaction() as connection:
            run = OpenRun(kind, run_id, parameters, by=self.by)
            runs.require_apart(connection, run, apart)
            runs.start(connection, run)
            begin()

    def close_run(self, run_id: str, outputs: Mapping[str, Any], error: str | None = None) -> Run:
        """End a run, by an error or with none; the first end counts. Raises NotFoundError."""
        with self._transaction() as connection:
            closed = runs.close(connection, run_id, outputs, error)
        self.chain.keep()
        return closed

    def runs(
        self,
        kind: str | None = None,
        status: str | None = None,
        limit: int | None = 50,
        model: str | None = None,
    ) -> list[Run]:
        """The newest runs first; status: any of a run. model: those about it."""
        with self._transaction() as connection:
            return runs.newest(connection, kind, status, limit, model)

    def find_run(self, run_id: str) -> Run:
        """The run with this id; NotFoundError."""
        with self._transaction() as connection:
            return runs.find(connection, run_id)

    def add_release(
        self,
        model: str,
        release: str,
        manifest: Mapping[str, Any],
        metrics: Mapping[str, Any],
        location: str,
        run_id: str | None,
    ) -> ReleaseRecord:
        """Record a release under the model's next version: 1, 2, 3..., with no gap.

        One that is recorded already is given as it was recorded first.
        """
        facts = {
            "manifest": documents.document(manifest),
            "metrics": documents.document(metrics),
            "location": location,
            "run_id": run_id,
        }
        with self._transaction() as connection:
            added = releases.add(connection, model, release, facts)
        self.chain.keep()
        return added

    def releases(self, model: str | None = None) -> list[ReleaseRecord]:
        """Releases of a model, or of all, newest first."""
        with self._transaction() as connection:
            return releases.newest(connection, model)

    def find_release(self, model: str, name: str) -> ReleaseRecord:
        """The release of a model by its id or how that begins, or its version, such as "3".

        Raises NotFoundError listing what exists, InputError where several ids begin so.
        """
        with self._transaction() as connection:
            return releases.find(connection, model, name)

    def add_evaluation(
        self,
        model: str,
        challenger: str,
        champion: str | None,
        passed: bool,
        verdict: Mapping[str, Any],
        as_of: datetime,
        known_by: datetime,
        run_id: str | None,
    ) -> Evaluation:
        """Record how a release did against the one in production, if there is one."""
        check_instant("as_of", as_of)
        check_instant("known_by", known_by)
        facts = {
            "model": model,
            "challenger": challenger,
            "champion": champion,
            "passed": passed,
            "verdict": documents.document(verdict),
            "as_of": as_of,
            "known_by": known_by,
            "run_id": run_id,
        }
        with self._transaction() as connection:
            return releases.add_evaluation(connection, facts)

    def last_evaluation(self, model: str, release: str) -> Evaluation | None:
        """The newest evaluation of a release as the challenger."""
        with self._transaction() as connection:
            return releases.last_evaluation(connection, model, release)

    def promote(
        self,
        model: str,
        release: str,
        follows: int | None,
        action: Action,
        forced: bool,
        reason: str | None,
        evaluation: int | None,
        by: str,
    ) -> Promotion:
        """Put a release into production, if the promotion the caller saw there still is.

        follows: that promotion's number; None if there was none. evaluation: the number of one of
        this release. Raises ConflictError saying who was first, NotFoundError for no such release.
        """
        facts = {
            "follows": follows,
            "action": action,
            "forced": forced,
            "reason": reason,
            "evaluation": evaluation,
            "by": by,
        }
        with self._transaction() as connection:
            added = promotions.add(connection, model, release, facts)
        self.chain.keep()
        return added

    def champion(self, model: str, at: datetime | None = None) -> Promotion | None:
        """What was in production at an instant, its own promotion included; by default now."""
        if at is not None:
            check_instant("at", at)
        with self._transaction() as connection:
            return promotions.in_production(connection, model, at)

    def promotions(self, model: str | None = None) -> list[Promotion]:
        """Promotions of a model, or of all, newest first."""
        with self._transaction() as connection:
            return promotions.newest(connection, model)

    @property
    def chain(self) -> Chain:
        """The chain of all rows, by which `hindcast verify` finds what was changed."""
        return Chain(self._transaction, self._heads)

    @property
    def outbox(self) -> Outbox:
        """The events that the other methods left, and what became of each."""
        return Outbox(self._transaction)

    @property
    def jobs(self) -> Jobs:
        """What the control API was asked to do, when it does so by itself, and what came of it."""
        return Jobs(self._transaction)

    @property
    def calls(self) -> Calls:
        """Who asked the control API for what, and what was answered to calls with a key."""
        return Calls(self._transaction)

    @property
    def lake(self) -> LakeCommits:
        """What lies in the lake, commit by commit."""
        return LakeCommits(self._transaction, self.by)

    def close(self) -> None:
        """Give up what the ledger holds open."""
        self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if not self._migrated:
            self.migrate()
        with transaction(self._engine) as connection:
            yield connection
