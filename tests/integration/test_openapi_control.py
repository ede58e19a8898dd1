"""Whatever is sent to the control API, its answer is one that its document tells of."""

from collections.abc import Iterator
from typing import Any

import pytest
from schemathesis.specs.openapi.checks import positive_data_acceptance

from hindcast.operations.openapi import control as document
from tests.integration import control, documented
from tests.integration.hindsight import Home
from tests.over_http import answering

EXAMPLES = 4
# What is named may not be there, and an instant or a cron is more than its text.
NOT_HERE: list[Any] = [positive_data_acceptance]


@pytest.fixture
def api(home: Home) -> Iterator[tuple[str, str]]:
    """The API over HTTP, and an approver's token."""
    # Jobs wait, for what they do is not the API's.
    with (
        control.opened(home, at_once=0) as opened,
        answering(opened.handler) as server,
    ):
        yield server.url, opened.tokens["approver"]


def test_no_answer_is_undocumented_or_a_fault(api: tuple[str, str]) -> None:
    url, token = api
    signed = {"Authorization": f"Bearer {token}"}
    answered = documented.answers(document.document(), url, EXAMPLES, NOT_HERE, signed)
    for path in ("/runs", "/releases", "/status", "/catalogue", "/schedules", "/subscriptions"):
        assert ("GET", path, 200) in answered
    assert any(status == 202 for _, _, status in answered)
