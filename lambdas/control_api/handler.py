"""The Lambda behind the control API's routes: proxy events in, proxy answers out."""

from functools import cache
from typing import Any

from hindcast import bootstrap
from hindcast.operations import console
from hindcast.operations.control import cloud
from hindcast.operations.openapi import pages
from hindcast.operations.openapi.pages import Handler


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer a call that API Gateway has authenticated by IAM."""
    return _api()(event, context)


@cache
def _api() -> Handler:
    """Opened by the first call, so that one whose database is down does not fail the start.

    Its document, Swagger UI and the console are beside it, for who signs by a proxy of their own.
    """
    beside = {**console.pages(), **pages.documentation("control")}
    return pages.beside(beside, cloud.control_api(bootstrap.application(compiled=False)))
