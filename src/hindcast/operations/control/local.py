"""The control API of one home, beside what `hindcast serve` answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from hindcast.bootstrap import Application
from hindcast.operations import console
from hindcast.operations.control import acting
from hindcast.operations.control.access import Tokens
from hindcast.operations.control.api import ControlApi
from hindcast.operations.control.control import Control
from hindcast.operations.control.kept_log import KeptLog
from hindcast.operations.control.promoter import LocalPromoter
from hindcast.operations.control.schedules import LocalSchedules
from hindcast.operations.control.workers import Workers
from hindcast.operations.events.relay import relay_of
from hindcast.operations.openapi import pages
from hindcast.traffic import local_stage

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@contextmanager
def opened(application: Application, at_once: int) -> Iterator[Callable[[Handler], Handler]]:
    """Do jobs and what schedules start, and hand events over, until the with ends.

    Gives a function that adds the control API to a handler of other paths. at_once: how many jobs
    work at the same time. Raises ConflictError where another server does the jobs of the home.
    """
    home, ledger = application.settings.home, application.ledger
    workers = Workers(application.settings, ledger, at_once)
    check = partial(acting.scheduled, application)
    schedules = LocalSchedules(ledger, check, partial(acting.start_due, application, workers))
    promoter = LocalPromoter(application, partial(local_stage.served, home))
    kept = KeptLog(home / "logs" / "serve.log", application.lake)
    control = Control(application, workers, schedules, promoter, kept.collect)
    relay = relay_of(application)
    with workers.opened(), schedules.opened(), relay.opened(), kept.opened():
        yield partial(_beside, ControlApi(control, Tokens(home)))


def _beside(api: ControlApi, others: Handler) -> Handler:
    """The console and the control API before all other paths; the root leads to the console."""
    found = pages.beside({**console.pages(), **pages.documentation("control", "/control")}, others)

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        path = event.get("path", "")
        if path == "/":
            return {"statusCode": 302, "multiValueHeaders": {"Location": [console.ADDRESS]}}
        return api(event, context) if api.owns(path) else found(event, context)

    return handle
