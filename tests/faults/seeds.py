"""Seeds one after the other, each in a copy of a world with two releases."""

import random
import shutil
import sys
import time
import traceback
from collections.abc import Iterable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path

from tests.faults import project, world
from tests.faults.expected import Broken
from tests.faults.project import DataFile, Orders
from tests.faults.scheduler import Scheduler
from tests.faults.world import World
from tests.integration import hindsight


class Runner(ExitStack):
    """Runs seeds on a server, below a folder."""

    def __init__(self, folder: Path, server: str, steps: int, is_verbose: bool = False) -> None:
        super().__init__()
        self._folder, self._server, self._steps = folder, server, steps
        self._is_verbose = is_verbose

    def run(self, seed: int) -> bool:
        """Whether all held, in every step; prints a line, and what was done where it did not."""
        started, self._said = time.monotonic(), list[str]()
        try:
            self._held(seed)
            failure = ""
        except Broken as error:
            failure = str(error)
        except Exception:  # noqa: BLE001 - it is printed as what broke the seed.
            failure = traceback.format_exc()
        seconds = time.monotonic() - started
        if failure or self._is_verbose:
            self._print(f"  {n}. {said}" for n, said in enumerate(self._said, 1))
        verdict = f"BROKEN: {failure}" if failure else "held"
        self._print([f"seed {seed}: {len(self._said)} steps, {seconds:.1f} s: {verdict}"])
        return not failure

    def _held(self, seed: int) -> None:
        """Raise Broken unless all holds in a copy of the template."""
        folder, template = self._folder / f"seed-{seed}", self.template
        with hindsight.database(self._server, f"faults_{seed}", template.url) as url:
            scheduler = Scheduler(
                seed, world.copied(template, folder, url), self._first, self._said
            )
            scheduler.run(self._steps)
        shutil.rmtree(folder)

    def _print(self, lines: Iterable[str]) -> None:
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        sys.stdout.flush()

    @cached_property
    def template(self) -> World:
        """Orders ingested and materialized, two releases trained, the first in production."""
        url = self.enter_context(hindsight.database(self._server, "faults_template"))
        made = World(self._folder / "template", url)
        (made.folder / "project").mkdir(parents=True)
        (made.folder / "project" / "definitions.py").write_text(project.DEFINITIONS)
        _succeed(made, "ingest", str(self._first.write(made.folder)))
        _succeed(made, "materialize")
        _succeed(made, "train")
        _succeed(made, "train", "--until", "2021-02-10")
        _succeed(made, "promote", "2", "--force", "--reason", "to have a past")
        return made

    @cached_property
    def _first(self) -> DataFile:
        return Orders(random.Random(0)).first()


def _succeed(made: World, *words: str) -> None:
    child = made.run(*words)
    if child.code:
        raise Broken(f"{' '.join(words)}, before any fault: {child.errors}")
