"""The control API of one deployment on AWS."""

from functools import partial

from hindcast.bootstrap import Application
from hindcast.errors import InputError
from hindcast.operations.control import acting
from hindcast.operations.control.access import IamAccess, iam_roles
from hindcast.operations.control.api import ControlApi
from hindcast.operations.control.control import Control
from hindcast.operations.control.event_bridge import EventBridgeSchedules
from hindcast.operations.control.machines import StateMachines
from hindcast.operations.control.promoter import RebuildPromoter


def control_api(application: Application) -> ControlApi:
    """The API over the deployment's state machines and schedules; raises InputError.

    The settings name the machines by the prefix of their ARNs, and callers' roles.
    """
    machines, roles = application.settings.machines, application.settings.roles
    if machines is None or roles is None:
        raise InputError("the control API needs the settings for state machines and for roles")
    runner = StateMachines(machines, application.ledger)
    schedules = EventBridgeSchedules(machines, partial(acting.scheduled, application))
    control = Control(application, runner, schedules, RebuildPromoter(application, runner))
    return ControlApi(control, IamAccess(iam_roles(roles)))
