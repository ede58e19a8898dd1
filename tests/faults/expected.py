"""What must be there, in plain Python: who was told that what is accepted, answered, promoted."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain, combinations
from typing import Any

from tests.faults import project
from tests.faults.observed import Observed
from tests.faults.project import DataFile, Features

Recorded = Mapping[DataFile, datetime]


class Broken(AssertionError):
    """Raised when something that must hold does not."""


@dataclass
class Expected:
    """Facts of one world; `check` holds an observation against them and learns from it.

    files: those that were handed over, by each name they had. accepted: those that a command said
    it has. recorded: those that lie in the lake, and since when. computed: a materialization's
    knowledge -> what lay there as it began, and as it ended. collected: answers that a command said
    it has. answers: those that somebody got. torn: log -> lines of it that must be in quarantine.
    tried: champions, and what a command was to promote. checked: lines whose features were.
    """

    files: dict[str, DataFile] = field(default_factory=dict)
    accepted: set[DataFile] = field(default_factory=set)
    recorded: dict[DataFile, datetime] = field(default_factory=dict)
    computed: dict[datetime, tuple[Recorded, Recorded]] = field(default_factory=dict)
    features: dict[str, list[Mapping[int, Features]]] = field(default_factory=dict)
    collected: set[str] = field(default_factory=set)
    answers: set[str] = field(default_factory=set)
    torn: dict[str, int] = field(default_factory=dict)
    champions: tuple[str, ...] = ()
    tried: set[str] = field(default_factory=set)
    releases: tuple[str, ...] = ()
    checked: set[str] = field(default_factory=set)

    def check(self, found: Observed, promoting: tuple[str, ...] = ()) -> None:
        """Raise Broken unless all is as it must be; promoting: what was to be promoted since."""
        self._check_events(found)
        self._check_promotions(found, promoting)
        self._check_predictions(found)
        self._check_lines(found)
        _require(not found.damage, f"verify says {found.damage}")
        replayed = found.replayed
        _require(not replayed["impossible"], f"not replayed: {replayed['impossible']}")
        _require(not replayed["doubts"], f"doubted: {replayed['doubts']}")
        _require(
            replayed["matching"] == replayed["predictions"],
            f"{replayed['matching']} of {replayed['predictions']} replays are equal: {replayed}",
        )

    def begin(self, found: Observed) -> None:
        """Take a world as it is at first."""
        self._check_events(found)
        self.computed = dict.fromkeys(
            found.materializations.values(), ({**self.recorded}, {**self.recorded})
        )
        self.check(found, found.champions)

    def learn(self, found: Observed) -> None:
        """Take what is new in the lake, before what was computed from it is checked."""
        self._check_events(found)

    def answered(self, body: Mapping[str, Any], found: Observed) -> None:
        """An answer that was given is in the log as it was given, by what is or was promoted."""
        line = found.lines.get(body["prediction_id"])
        if line is None:
            raise Broken(f"an answer was given that the log does not have: {body}")
        for name in ("id", "prediction", "probability", "release"):
            _require(line[name] == body[name], f"answered {body}, logged {line}")
        _require(body["release"] in self.tried, f"answered by what nobody promoted: {body}")
        self.answers.add(body["prediction_id"])

    def _check_events(self, found: Observed) -> None:
        unknown = {*found.raw, *found.quarantine} - {*self.files}
        _require(not unknown, f"rows of files that nobody handed over: {unknown}")
        for file in dict.fromkeys(self.files.values()):
            own = [name for name, each in self.files.items() if each == file]
            recorded = [part for name in own for part in found.raw.get(name, {}).items()]
            bad = [part for name in own for part in found.quarantine.get(name, Counter()).items()]
            self._check_file(file, recorded, Counter(dict(bad)), len(bad))

    def _check_file(
        self, file: DataFile, recorded: list[tuple[datetime, Any]], bad: Counter[int], lines: int
    ) -> None:
        must = file in self.accepted or file in self.recorded
        if recorded or must:
            _require(len(recorded) == 1, f"{file.name} was recorded {len(recorded)} times")
            [(instant, events)] = recorded
            missing, more = Counter(file.events) - events, events - Counter(file.events)
            _require(not missing and not more, f"{file.name}: missing {missing}, more {more}")
            before = self.recorded.setdefault(file, instant)
            _require(before == instant, f"{file.name}: recorded {before}, and {instant} now")
        if bad or file in self.accepted:
            is_whole = bad == Counter(file.bad) and lines == len(bad)
            _require(is_whole, f"{file.name}: quarantine has {bad} of {file.bad}")

    def _check_promotions(self, found: Observed, promoting: tuple[str, ...]) -> None:
        known, now = self.champions, found.champions
        _require(now[: len(known)] == known, f"promotions were {known}, and are {now}")
        wanted = Counter(now[len(known) :]) - Counter(promoting)
        _require(not wanted, f"promoted without a command: {wanted}")
        _require(found.in_production == now[-1:], f"{found.in_production} in production: {now}")
        self.tried |= {*now, *promoting}
        _require({*self.releases} <= {*found.releases}, f"releases are gone: {found.releases}")
        self.champions, self.releases = now, found.releases

    def _check_predictions(self, found: Observed) -> None:
        twice = {name for name, count in found.predictions.items() if count > 1}
        _require(not twice, f"collected twice: {twice}")
        lost = self.collected - {*found.predictions}
        _require(not lost, f"answers that were collected are gone: {lost}")
        for log, torn in self.torn.items():
            there = found.torn.get(log, 0)
            _require(there >= torn, f"{there} torn lines of {log} are in quarantine, not {torn}")

    def _check_lines(self, found: Observed) -> None:
        """Each answer is by one materialization, whose features are those of what was known."""
        for name, line in found.lines.items():
            if name in self.checked or line["outcome"] != "predicted":
                continue
            self.checked.add(name)
            run, shopper = line["materialization"], line["id"]
            _require(run in found.materializations, f"answer {name} is by no run: {run}")
            if run not in self.features:
                known_by = found.materializations[run]
                states = _between(*self.computed[known_by])
                self.features[run] = [project.features(state, known_by) for state in states]
            left = [f for f in self.features[run] if f.get(shopper) == line["features"]]
            _require(left, f"answer {name} of {shopper} by {run} is mixed: {line['features']}")
            self.features[run] = left


def _between(first: Recorded, last: Recorded) -> Iterator[Recorded]:
    """Every state from what lay there at the beginning to what lay there at the end."""
    came = [file for file in last if file not in first]
    some = chain.from_iterable(combinations(came, count) for count in range(len(came) + 1))
    for files in some:
        yield {**first, **{file: last[file] for file in files}}


def _require(holds: object, otherwise: str) -> None:
    if not holds:
        raise Broken(otherwise)
