"""The Lambda behind the control API's routes: proxy events in, proxy answers out."""

from functools import cache
from typing import Any

from hindcast import bootstrap
from hindcast.operations.control import cloud
from hindcast.operations.control.api import ControlApi


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a call that API Gateway has authenticated by IAM."""
    return _api()(event, context)


@cache
def _api() -> ControlApi:
    """Opened by the first call, so that one whose database is down does not fail the start."""
    return cloud.control_api(bootstrap.application(compiled=False))
