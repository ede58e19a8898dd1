"""Whatever is sent to the predict API, its answer is one that its document tells of."""

import threading
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import BaseModel, ConfigDict, Field
from schemathesis import Case
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from hindcast.operations.openapi import predict
from hindcast.operations.openapi.document import Document
from hindcast.traffic.http import Server
from tests.integration.service import Service

EXAMPLES = 15
# API Gateway asks who it is, before the service; and the names of keys and values are a release's
# own, so that it refuses some of what the document takes.
NOT_HERE = [ignored_auth, positive_data_acceptance]


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    """The predict API over HTTP."""
    with Server(("127.0.0.1", 0), service.handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Asked(BaseModel):
    """A question that the small release takes, about somebody known or nobody."""

    model_config = ConfigDict(extra="forbid")
    id: Literal[5008827, 5008804, 1]


class Row(BaseModel):
    """Values that it takes."""

    model_config = ConfigDict(extra="forbid")
    nb_previous_loans: Annotated[int, Field(ge=0, le=99)] | None
    income: Annotated[float, Field(ge=0, le=1e6)] | None
    flag_own_car: bool | None
    age: Annotated[int, Field(ge=18, le=99)]


class Scored(BaseModel):
    """A row of values."""

    model_config = ConfigDict(extra="forbid")
    features: Row


@pytest.mark.parametrize(
    "told", [predict.document(), predict.document(Asked, Scored)], ids=["any", "of the release"]
)
def test_no_answer_is_undocumented_or_a_fault(url: str, told: Document) -> None:
    answered = set()
    for found in schemathesis.openapi.from_dict(told).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        @given(case=operation.as_strategy())
        def ask(case: Case[Any]) -> None:
            answer = case.call_and_validate(base_url=url, excluded_checks=NOT_HERE)
            answered.add((case.path, answer.status_code))

        ask()
    if told != predict.document():
        assert {("/predict", 200), ("/predict", 404), ("/score", 200)} <= answered
