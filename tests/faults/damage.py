"""Bytes that are flipped, torn off or gone, and rows changed: each is found by its name."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.expected import Broken
from tests.faults.project import SOURCE
from tests.faults.world import World

RAW = f"raw/{SOURCE}"
LOGS = (f"{RAW}/_delta_log", f"quarantine/{SOURCE}/_delta_log", "predictions/_delta_log")
# Of a file that a table needs, but for its bytes: what every command looks at before it uses it.
FLIPPED, TORN, GONE = "flipped", "torn", "gone"
# What an administrator can do who is one.
_UPDATE = """
ALTER TABLE ledger.runs DISABLE TRIGGER ALL;
UPDATE ledger.runs SET by = '{}' WHERE number = {};
ALTER TABLE ledger.runs ENABLE TRIGGER ALL;
ALTER TABLE ledger.runs ENABLE ALWAYS TRIGGER append_only;
"""


@dataclass(frozen=True)
class Damager:
    """Damages a world that is at rest, holds commands to finding it, and mends it."""

    world: World
    chance: random.Random
    champion: str

    def some(self) -> Iterator[str]:
        """Damages of two kinds, one after the other, each in words. Raises Broken if not found."""
        kinds: tuple[Callable[[], str], ...] = (self.data, self.log, self.release, self.ledger)
        for kind in self.chance.sample(kinds, 2):
            yield kind()

    def data(self) -> str:
        """A file of raw events: by verify and training, by all use where its length is wrong."""
        path = self._one("lake/" + RAW, "*.parquet")
        with self._damaged(path) as how:
            self._found(path.name, "verify")
            self._found(path.name, "train" if how.startswith(FLIPPED) else "materialize")
        return f"{path.name} {how}"

    def log(self) -> str:
        """An entry of a table's log: by whatever uses the table."""
        folder = self.chance.choice([each for each in LOGS if (self.lake / each).is_dir()])
        path = self._one(f"lake/{folder}", "*.json")
        is_undone = folder.startswith(RAW) and self.chance.random() < 0.5
        if is_undone:  # The table is whole without it, and a version older.
            path = max(path.parent.glob("*.json"))
        with self._damaged(path, GONE if is_undone else None) as how:
            self._found(path.name, "verify")
            if folder.startswith(RAW):
                self._found(RAW, "materialize")
        return f"{folder}/{path.name} {how}"

    def release(self) -> str:
        """A file of the release in production: by verify, and by whoever would answer by it."""
        path = self._one(f"releases/{self.champion}", "*")
        with self._damaged(path) as how:
            self._found(path.name, "verify")
            self._found(self.champion[:20], "predict", "7")
        return f"{path.name} of the champion {how}"

    def ledger(self) -> str:
        """A row that an administrator has changed past every trigger: by verify."""
        rows = self.world.sql("SELECT number, by FROM ledger.runs ORDER BY number")
        number, by = self.chance.choice(rows)
        self.world.sql(_UPDATE.format("nobody", number))
        self._found("ledger.runs", "verify")
        self.world.sql(_UPDATE.format(by, number))
        return f"ledger.runs {number} changed"

    @property
    def lake(self) -> Path:
        """The lake."""
        return self.world.home / "lake"

    def _one(self, folder: str, pattern: str) -> Path:
        return self.chance.choice(sorted((self.world.home / folder).glob(pattern)))

    @contextmanager
    def _damaged(self, path: Path, how: str | None = None) -> Iterator[str]:
        before, how = path.read_bytes(), how or self.chance.choice([FLIPPED, TORN, GONE])
        at = self.chance.randrange(len(before))
        if how == GONE:
            path.unlink()
        elif how == TORN:
            path.write_bytes(before[:at])
        else:
            path.write_bytes(before[:at] + bytes([before[at] ^ 0x10]) + before[at + 1 :])
        try:
            yield f"{how} at {at}"
        finally:
            path.write_bytes(before)

    def _found(self, name: str, *words: str) -> None:
        child = self.world.run(*words)
        said = child.output + child.errors
        if child.code not in (1, 2) or name not in said or "Traceback" in child.errors:
            raise Broken(f"{' '.join(words)} does not say that {name} is damaged: {said}")
