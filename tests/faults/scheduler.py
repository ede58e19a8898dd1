"""One seed: steps of commands under faults, and after each what must hold."""

import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults import children, damage
from tests.faults.actions import Actor, Begun
from tests.faults.children import Child
from tests.faults.expected import Broken, Expected
from tests.faults.injected import NONE, Fault
from tests.faults.observed import observe
from tests.faults.project import DataFile, Orders
from tests.faults.world import World

# Kinds of commands and how often they are drawn.
KINDS = {
    "ingest": 6,
    "materialize": 5,
    "train": 1,
    "promote": 2,
    "roll_out": 2,
    "collect": 4,
    "replay": 2,
    "verify": 1,
}
# About how many calls of Hindcast's functions a command makes.
CALLS = {
    "ingest": 3000,
    "materialize": 5000,
    "train": 8000,
    "promote": 4000,
    "roll_out": 5000,
    "collect": 3000,
    "replay": 4000,
    "verify": 3000,
    "serve": 4000,
}
# What concurrent commands may say of each other.
CONFLICTS = ("run it again", "meanwhile", "is being loaded", "in production already", "under way")


@dataclass
class Scheduler:
    """Runs the steps of a seed in a world."""

    seed: int
    world: World
    first: DataFile
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Draw everything from the seed."""
        self.chance = random.Random(self.seed)
        self.expected = Expected({self.first.name: self.first}, {self.first})
        orders = Orders(self.chance, events=list(self.first.events), number=1)
        self.last = observe(self.world)
        self.expected.begin(self.last)
        self.actor = Actor(self.world, self.expected, orders, self.chance, self.last)

    def run(self, steps: int) -> None:
        """Take the steps; then all that was interrupted is done again. Raises Broken."""
        for _ in range(steps):
            self._step()
        self._recover()

    def _step(self) -> None:
        drawn = self.chance.random()
        if drawn < 0.08:
            self.said.append(self.actor.clock())
        elif drawn < 0.26:
            damager = damage.Damager(self.world, self.chance, self.expected.champions[-1])
            self.said.append("damage")
            for found in damager.some():
                self.said[-1] += f": {found}"
        else:
            self._commands()

    def _commands(self) -> None:
        """One command or two at once, perhaps while the service answers."""
        count = 1 if self.chance.random() < 0.7 else 2
        kinds = self.chance.choices([*KINDS], [*KINDS.values()], k=count)
        faults = [self._fault(kind) for kind in kinds]
        is_served = "roll_out" in kinds or self.chance.random() < 0.4
        ill = self._fault("serve") if is_served and self.chance.random() < 0.3 else NONE
        self.said.append(" & ".join(f"{k} ({f})" for k, f in zip(kinds, faults, strict=True)))
        self.said[-1] += f" | serve ({ill})" if is_served else ""
        beside = self.world.serve(self.chance.randrange(1000), ill) if is_served else None
        begun = [self.actor.begin(k, f) for k, f in zip(kinds, faults, strict=True)]
        children.wait([each.child for each in begun], beside, self.world.stop)
        every = [each.child.fault for each in begun] + [ill]
        is_cut = any(fault.cut for fault in every)
        for each in begun:
            self._ended(each, is_cut, len(begun) > 1)
        self._look(begun)
        if beside is not None:
            self._served(beside, is_cut)

    def _ended(self, begun: Begun, is_cut: bool, is_crowded: bool) -> None:
        child = begun.child
        self.said[-1] += f" -> {child.code}"
        _require_contract(child)
        if child.code == 0:
            begun.done()
        elif child.fault.is_none and not is_cut and not _may_refuse(child, is_crowded):
            raise Broken(f"{child.name} failed without a fault: {child.errors}")

    def _look(self, begun: Sequence[Begun]) -> None:
        promoting = tuple(release for each in begun for release in each.promoting)
        self.last = self.actor.last = observe(self.world)
        self.expected.learn(self.last)
        self.actor.ended()
        self.expected.check(self.last, promoting)

    def _served(self, child: Child, is_cut: bool) -> None:
        """Every answer has its line, and none failed but by a fault."""
        _require_contract(child)
        answers = self.world.answers(child)
        self.said[-1] += f" ({len(answers)} answers)"
        if not answers and child.fault.is_none and not is_cut:
            raise Broken(f"the service did not answer: {child.errors}")
        for answer in answers:
            if answer["status"] == 200:
                self.expected.answered(answer["body"], self.last)
            elif answer["status"] != 503 or (child.fault.is_none and not is_cut):
                raise Broken(f"an answer failed: {answer}")

    def _fault(self, kind: str) -> Fault:
        drawn, moment = self.chance.random(), 0.02 + self.chance.expovariate(4)
        sent = self.chance.choice([signal.SIGKILL, signal.SIGTERM])
        if drawn < 0.45:
            return NONE
        if drawn < 0.7:
            return Fault(sent, call=1 + self.chance.randrange(CALLS[kind]))
        if drawn < 0.8:
            return Fault(sent, after=moment)
        if drawn < 0.93:
            return Fault(largest=int(2 ** self.chance.uniform(0, 17)))
        return Fault(after=moment, cut=self.world.cut)

    def _recover(self) -> None:
        """Without any fault, all that was begun is completed, and nothing is lost."""
        self.said.append("recovery")
        for file in dict.fromkeys(self.expected.files.values()):
            if file not in self.expected.accepted:
                self._done(self.actor.again(file))
        for kind in ("materialize", "collect_all"):
            self._done(self.actor.begin(kind, NONE))
        lost = self.expected.answers - {*self.last.predictions}
        if lost:
            raise Broken(f"answers were never collected: {lost}")

    def _done(self, begun: Begun) -> None:
        children.wait([begun.child])
        self._ended(begun, is_cut=False, is_crowded=False)
        self._look([begun])


def _require_contract(child: Child) -> None:
    """Success, a refusal of one line, or the signal that was sent."""
    # A thread of delta-rs tells of a disk that is full, too, whatever is told after it.
    is_loud = "panicked" in child.errors and child.fault.largest is None
    if is_loud or "Traceback" in child.errors:
        raise Broken(f"{child.name} ended in a traceback: {child.errors}")
    if child.code in (1, 2) and not child.output and not _last(child).startswith("hindcast: "):
        raise Broken(f"{child.name} ended with {child.code} and does not say why: {child.errors}")
    if child.code in (0, 1, 2) or (child.fault.signal and child.code in _ended_by(child)):
        return
    raise Broken(f"{child.name} ended with {child.code}: {child.errors}")


def _last(child: Child) -> str:
    return (child.errors.splitlines() or [""])[-1]


def _ended_by(child: Child) -> tuple[int, ...]:
    """By the signal, or in order because of it."""
    return -child.fault.signal, 128 + child.fault.signal, 128 + signal.SIGINT


def _may_refuse(child: Child, is_crowded: bool) -> bool:
    """A roll-out may be rolled back; two at once may name each other."""
    if child.name.startswith("roll-out") and "rolled back" in child.output:
        return True
    return is_crowded and any(text in child.errors for text in CONFLICTS)
