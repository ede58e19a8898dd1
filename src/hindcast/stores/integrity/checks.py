"""Before a table is used: it is the one that the ledger recorded, or it is refused by name."""

import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property

from deltalake import DeltaTable

from hindcast.errors import HindcastError, InputError
from hindcast.stores import table_files
from hindcast.stores.integrity import damages
from hindcast.stores.integrity.damages import DamagedFile, refusal
from hindcast.stores.integrity.recording import Recorder
from hindcast.stores.ledger.lake_commits import LakeCommits, Recorded
from hindcast.stores.ledger.lake_records import History
from hindcast.stores.table_files import INTENT

# So many of a log's newest entries are read before each use of a table. What opens it reads those
# since the last checkpoint, a hundred at most.
NEWEST = 1000
BEFORE = "written before the ledger recorded commits"


@dataclass(frozen=True)
class Integrity:
    """The tables below a lake's root, and what the ledger says of them.

    Every method raises DamagedError naming a table and what of it is damaged, before anything is
    computed from it.
    """

    root: str
    commits: Callable[[], LakeCommits]
    _said: set[str] = field(default_factory=set, compare=False)

    @cached_property
    def recorder(self) -> Recorder:
        """What records the commits."""
        return Recorder(self.root, self.commits)

    def known(self, name: str) -> Recorded | None:
        """What is recorded of a table, whose log is checked against it; None: nothing is.

        To be asked before the table is opened: a commit in between is newer than the answer.
        """
        recorded = self.commits().recorded(name, NEWEST)
        if recorded is not None:
            for damage in damages.in_log(self.recorder.files(name), recorded.commits):
                raise refusal(name, damage)
        return recorded

    def check(self, name: str, table: DeltaTable, recorded: Recorded | None) -> None:
        """A table that was opened is the recorded one, and its files have the sizes it lists.

        Commits of processes that died before they could record them are recorded. A table that
        the ledger does not know is said to be unverified.
        """
        if recorded is None:
            self._say(name, f"{BEFORE}, and unverified; run: hindcast verify --adopt {name}")
        elif table.version() > recorded.history.version:
            self.recorder.record(recorded.history, table)
        else:
            self._check_state(table, recorded)
        self._check_sizes(name, table)

    def check_whole(self, name: str, table: DeltaTable) -> None:
        """Every byte of the files that a table consists of, and of its log, is as recorded."""
        recorded = self.commits().recorded(name)
        if recorded is None:
            return
        files, active = self.recorder.files(name), table_files.active(table)
        for damage in damages.in_log(files, recorded.commits, every_checkpoint=True):
            raise refusal(name, damage)
        for damage in damages.in_files(files, recorded.commits, active.keys()):
            raise refusal(name, damage)

    def adopt_unknown(self, name: str) -> None:
        """Take a table from before the ledger recorded commits as it is, and say so."""
        if self.commits().recorded(name, 1) is None and self.recorder.open(name) is not None:
            self._say(name, f"{BEFORE}; taken as it is now")
            self.recorder.adopt(name, BEFORE)

    @contextmanager
    def committing(self, name: str) -> Iterator[dict[str, str]]:
        """What one commit has to carry; it is recorded when the with ends well."""
        intent = uuid.uuid4().hex
        self.commits().intend(name, intent)
        yield {INTENT: intent}
        recorded, table = self.commits().recorded(name, 1), self.recorder.open(name)
        history = recorded.history if recorded else History(name, None, -1)
        if table is not None and table.version() > history.version:
            self.recorder.record(history, table, intent)

    def _check_state(self, table: DeltaTable, recorded: Recorded) -> None:
        commit = self.commits().commit(recorded.history, table.version())
        if commit and commit.state and commit.state != table_files.state(table):
            what = DamagedFile("its list of files and columns", "is changed", commit)
            raise refusal(recorded.history.table, what)

    def _check_sizes(self, name: str, table: DeltaTable) -> None:
        active = table_files.active(table)
        found = self.recorder.files(name).sizes([*active])
        for (path, size), there in zip(active.items(), found, strict=True):
            if there is None:
                raise self._missing(name, table, path)
            if there != size:
                raise refusal(name, f"{path} has {there:,} bytes instead of {size:,}")

    def _missing(self, name: str, table: DeltaTable, path: str) -> HindcastError:
        run = self.commits().removed(name).get(path)
        if run is None:
            return refusal(name, f"{path} is missing")
        return InputError(
            f"{name}: version {table.version()} cannot be read any more: vacuum {run} removed its "
            "files, which no answer or release needed that was kept then"
        )

    def _say(self, name: str, line: str) -> None:
        said = f"hindcast: warning: {name}: {line}\n"
        if said not in self._said:
            self._said.add(said)
            sys.stderr.write(said)
