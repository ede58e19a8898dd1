"""Commands as a seed draws them, and what each must have done where it says that it did."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tests.faults import observed
from tests.faults.children import Child
from tests.faults.expected import Expected
from tests.faults.injected import NONE, Fault
from tests.faults.observed import Observed
from tests.faults.project import DataFile, Orders
from tests.faults.world import World


@dataclass
class Begun:
    """A command that was begun; done: what follows from its success. promoting: releases."""

    child: Child
    done: Callable[[], object] = lambda: None
    promoting: tuple[str, ...] = ()


@dataclass
class Actor:
    """Begins commands in a world, by chance."""

    world: World
    expected: Expected
    orders: Orders
    chance: random.Random
    last: Observed
    computing: list[tuple[datetime, dict[DataFile, datetime]]] = field(default_factory=list)
    copies: int = 0

    def begin(self, kind: str, fault: Fault) -> Begun:
        """Begin a command of a kind."""
        begun: Begun = getattr(self, kind)(fault)
        return begun

    def ingest(self, fault: Fault) -> Begun:
        """A file of new orders, of late ones, or one that was handed over before."""
        given = [file for name, file in self.expected.files.items() if name == file.name]
        if self.chance.random() < 0.25:
            file, name = self._again(self.chance.choice(given))
        else:
            file = self.orders.more(is_late=self.chance.random() < 0.4)
            name = file.name
        return self._ingest(file, name, fault)

    def materialize(self, fault: Fault) -> Begun:
        """What was known as it began, at least."""
        child = self.world.command("materialize", fault=fault)
        self.computing.append((self.world.now, dict(self.expected.recorded)))
        return Begun(child)

    def train(self, fault: Fault) -> Begun:
        """On what is known then, which gives another release where that has changed."""
        return Begun(self.world.command("train", fault=fault))

    def promote(self, fault: Fault) -> Begun:
        """One of the releases that are not in production."""
        target = self._another(self.expected.releases)
        why = ("--force", "--reason", "a fault")
        child = self.world.command("promote", target, *why, fault=fault)
        return Begun(child, promoting=(target,))

    def roll_out(self, fault: Fault) -> Begun:
        """One that was in production before, with a canary."""
        target = self._another(self.expected.champions)
        looks = ("--steps", "20,50", "--looks", "2", "--look-seconds", "0.1")
        alarms = ("--requests", "1", "--latency-p99-ms", "60000", "--error-percent", "100")
        child = self.world.command("roll-out", target, *looks, *alarms, fault=fault)
        return Begun(child, promoting=(target,))

    def collect(self, fault: Fault) -> Begun:
        """All of the log, or what a copy has that ends anywhere."""
        self.world.log.touch()
        if self.chance.random() < 0.3:
            return self._collect(self._spoiled(), fault)
        return self._collect(self.world.log, fault)

    def collect_all(self, fault: Fault) -> Begun:
        """All of the log."""
        return self._collect(self.world.log, fault)

    def _collect(self, log: Path, fault: Fault) -> Begun:
        lines, torn = observed.lines(log), observed.torn(log)

        def done() -> None:
            self.expected.collected |= {*lines}
            self.expected.torn |= {log.name: torn}

        return Begun(self.world.command("collect-log", str(log), fault=fault), done)

    def replay(self, fault: Fault) -> Begun:
        """One of the answers that were collected."""
        answers = [n for n, line in self.last.lines.items() if line["outcome"] == "predicted"]
        known = sorted({*answers} & self.expected.collected)
        words = ("replay", self.chance.choice(known)) if known else ("runs",)
        return Begun(self.world.command(*words, fault=fault))

    def verify(self, fault: Fault) -> Begun:
        """Everything."""
        return Begun(self.world.command("verify", fault=fault))

    def clock(self) -> str:
        """Set the clock, by hours to both sides, but not before what the world began with."""
        wanted = timedelta(hours=self.chance.choice([-30, -5, -1, 1, 7, 50]))
        by = wanted + timedelta(seconds=self.chance.randrange(3600))
        by = max(by, min(self.expected.recorded.values()) + timedelta(hours=1) - self.world.now)
        self.world.tick(by)
        return f"clock set by {by}"

    def ended(self) -> None:
        """Learn what materializations of this step may have seen."""
        for now, before in self.computing:
            self.expected.computed[now] = (before, dict(self.expected.recorded))
        self.computing.clear()

    def again(self, file: DataFile) -> Begun:
        """Hand a file over once more."""
        return self._ingest(file, file.name, NONE)

    def _ingest(self, file: DataFile, name: str, fault: Fault) -> Begun:
        (self.world.folder / name).write_text(file.text)
        self.expected.files[name] = file
        child = self.world.command("ingest", str(self.world.folder / name), fault=fault)
        return Begun(child, lambda: self.expected.accepted.add(file))

    def _again(self, file: DataFile) -> tuple[DataFile, str]:
        self.copies += 1
        is_renamed = self.chance.random() < 0.5
        return file, f"copy-{self.copies}-of-{file.name}" if is_renamed else file.name

    def _another(self, among: Sequence[str]) -> str:
        champion = self.expected.champions[-1]
        return self.chance.choice([each for each in dict.fromkeys(among) if each != champion])

    def _spoiled(self) -> Path:
        """A copy of the log that ends anywhere, or has a byte of its JSON flipped."""
        content, self.copies = self.world.log.read_bytes(), self.copies + 1
        marks = [at for at, byte in enumerate(content) if byte in b'"{}:']
        if not marks or self.chance.random() < 0.5:
            content = content[: int(len(content) * self.chance.random())]
        else:
            at = self.chance.choice(marks)
            content = content[:at] + bytes([content[at] ^ 0x10]) + content[at + 1 :]
        path = self.world.folder / f"part-{self.copies}.log"
        path.write_bytes(content)
        return path
