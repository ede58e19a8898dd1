"""The control API of one home, beside what `hindcast serve` answers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from hindcast.bootstrap import Application
from hindcast.operations.control import acting
from hindcast.operations.control.access import Tokens
from hindcast.operations.control.api import ControlApi
from hindcast.operations.control.control import Control
from hindcast.operations.control.promoter import LocalPromoter
from hindcast.operations.control.schedules import LocalSchedules
from hindcast.operations.control.workers import Workers
from hindcast.operations.events.relay import relay_of
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
    schedules = LocalSchedules(ledger, partial(acting.start_due, application, workers))
    promoter = LocalPromoter(application, partial(local_stage.served, home))
    control = Control(application, workers, schedules, promoter)
    with workers.opened(), schedules.opened(), relay_of(application).opened():
        yield partial(beside, ControlApi(control, Tokens(home)))


def beside(api: ControlApi, others: Handler) -> Handler:
    """A handler that leaves the control API's paths to it, and all else to others."""

    def handle(event: dict[str, Any], context: Any) -> dict[str, Any]:
        chosen = api if api.owns(event.get("path", "")) else others
        return chosen(event, context)

    return handle
