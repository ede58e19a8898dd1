"""An API asked whatever its document allows: each answer must be one that the document tells of."""

from collections.abc import Mapping, Sequence
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case
from schemathesis.core.result import Ok

from hindcast.operations.openapi.document import Document

Asked = set[tuple[str, str, int]]


def answers(
    document: Document,
    url: str,
    examples: int,
    not_here: Sequence[Any],
    headers: Mapping[str, str] | None = None,
) -> Asked:
    """Ask every operation so many times; method, path and status of each answer.

    not_here: checks that this API is not held to.
    """
    found: Asked = set()
    for each in schemathesis.openapi.from_dict(document).get_all_operations():
        assert isinstance(each, Ok)
        operation = each.ok()

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        @given(case=operation.as_strategy())
        def ask(case: Case[Any]) -> None:
            excluded = list(not_here)
            answer = case.call_and_validate(
                base_url=url, headers=dict(headers or {}), excluded_checks=excluded
            )
            found.add((case.method, case.path, answer.status_code))

        ask()
    return found
