"""ministack as a program, with the one thing mended that its REST gateway lacks."""

import re
from typing import Any

from ministack import app
from ministack.services import apigateway_v1

VARIABLE = re.compile(r"\$\{stageVariables\.(\w+)\}")
_invoke = apigateway_v1._invoke_lambda_proxy_v1


async def _invoke_by_stage(
    integration: dict[str, Any],
    api: str,
    name: str,
    stage: dict[str, Any],
    *more: Any,
    **named: Any,
) -> Any:
    """Call the function that the integration's address names once stage variables are in it."""
    variables = stage.get("variables") or {}
    uri = VARIABLE.sub(lambda found: str(variables.get(found[1], "")), integration["uri"])
    return await _invoke({**integration, "uri": uri}, api, name, stage, *more, **named)


if __name__ == "__main__":
    apigateway_v1._invoke_lambda_proxy_v1 = _invoke_by_stage
    app.main()
