"""A home with its database, the clock on its wall, and what is done in it by processes."""

import json
import os
import random
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

from hindcast import cli, names
from hindcast.cli import options
from hindcast.serving import prediction_lines
from hindcast.serving.handler import Handler, logger
from hindcast.stores.database import connect
from hindcast.traffic import http, proxy_events
from tests.faults import children, project
from tests.faults.children import Child
from tests.faults.injected import NONE, Fault

FIRST_MORNING = datetime(2026, 1, 1, 8, tzinfo=UTC)
# Between questions: a machine of two cores has other things to do too.
PAUSE = 0.002


@dataclass
class World:
    """Where one seed's commands act."""

    folder: Path
    url: str
    now: datetime = FIRST_MORNING

    @property
    def home(self) -> Path:
        """The home."""
        return self.folder / "home"

    @property
    def log(self) -> Path:
        """Where the service appends its lines."""
        return self.folder / "serve.log"

    @property
    def stop(self) -> Path:
        """The file that ends the service, once it is there."""
        return self.folder / "stop"

    @property
    def places(self) -> dict[str, str]:
        """The variables by which commands find it all."""
        return {
            names.ENV_HOME: str(self.home),
            names.ENV_PROJECT: str(self.folder / "project"),
            names.ENV_DATABASE_URL: self.url,
        }

    def tick(self, by: timedelta = timedelta(minutes=1)) -> datetime:
        """Let time go on, or back; the instant that it is then."""
        self.now += by
        return self.now

    def command(self, *words: str, fault: Fault = NONE) -> Child:
        """Begin `hindcast` with these words."""
        now = self.tick()

        def work() -> None:
            self._set(lambda: now)
            sys.argv = ["hindcast", *words, "--json"]
            cli.main()

        return children.start(" ".join(words), work, fault)

    def run(self, *words: str, fault: Fault = NONE) -> Child:
        """A command from begin to end."""
        child = self.command(*words, fault=fault)
        children.wait([child])
        return child

    def serve(self, seed: int, fault: Fault = NONE) -> Child:
        """Begin to answer questions, until `stop` is there; each answer is a line of its output."""
        now, began = self.tick(), datetime.now(UTC)
        self.stop.unlink(missing_ok=True)

        def work() -> None:
            self._set(lambda: now + (datetime.now(UTC) - began))
            # As `hindcast serve >> serve.log`, whose callers are in this process.
            sys.stdout = stream = self.log.open("a")
            cast("Any", logger.logger_handler).setStream(stream)
            answering = partial(_answer, self.stop, random.Random(seed))
            vars(http)["serve"] = lambda handler, *others: answering(handler)
            sys.argv = ["hindcast", "serve"]
            cli.main()

        return children.start("serve", work, fault)

    @staticmethod
    def answers(service: Child) -> list[dict[str, Any]]:
        """What a service that has ended has answered."""
        return [json.loads(line) for line in service.output.splitlines()]

    def look(self, found: Callable[[], Any]) -> Any:
        """What a process of its own finds, which must end well."""
        now = self.now

        def work() -> None:
            self._set(lambda: now)
            sys.stdout.write(json.dumps(found(), default=str))

        child = children.start("look", work, NONE)
        children.wait([child])
        assert child.code == 0, f"looking failed: {child.errors}"
        return json.loads(child.output.splitlines()[-1])

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        """What the database answers past all of Hindcast."""
        with connect(self.url, autocommit=True) as connection:
            found = connection.execute(statement.encode())
            return found.fetchall() if found.description else []

    def cut(self) -> None:
        """End every connection of the database."""
        ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        self.sql(f"{ended} WHERE datname = current_database() AND pid <> pg_backend_pid()")

    def _set(self, now: Callable[[], datetime]) -> None:
        """In a child: the places, and the clock."""

        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
                return now()

        os.environ.update(self.places)
        vars(options)["datetime"] = Clock
        vars(prediction_lines)["datetime"] = Clock


def _answer(stop: Path, chance: random.Random, handler: Handler) -> None:
    """Ask one question after the other, and say what was answered on standard output itself."""
    is_last = False
    while not is_last:
        is_last = stop.exists()  # At least one question after the others have ended.
        shopper = chance.choice(project.SHOPPERS)
        body, headers = json.dumps({"id": shopper}).encode(), [("Host", "test")]
        event = proxy_events.proxy_event("POST", "/predict", headers, body, "127.0.0.1")
        answer = handler(event, proxy_events.Context())
        said = {"status": answer["statusCode"], "body": json.loads(answer["body"])}
        os.write(1, (json.dumps({"id": shopper, **said}) + "\n").encode())
        time.sleep(PAUSE)


def copied(world: World, folder: Path, url: str) -> World:
    """The files of a world as it was, in another folder beside another database."""
    shutil.copytree(world.folder, folder, dirs_exist_ok=True)
    return World(folder, url, world.now)
