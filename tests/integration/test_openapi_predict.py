"""Whatever is sent to the predict API, its answer is one that its document tells of."""

from collections.abc import Iterator
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from hindcast.operations.openapi import predict
from hindcast.operations.openapi.document import Document
from tests.integration import documented
from tests.integration.service import Service
from tests.over_http import answering

EXAMPLES = 15
# API Gateway asks who it is, before the service; and the names of keys and values are a release's
# own, so that it refuses some of what the document takes.
NOT_HERE = [ignored_auth, positive_data_acceptance]


@pytest.fixture
def url(service: Service) -> Iterator[str]:
    """The predict API over HTTP."""
    with answering(service.handler) as server:
        yield server.url


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
    answered = documented.answers(told, url, EXAMPLES, NOT_HERE)
    if told != predict.document():
        expected = {("POST", "/predict", 200), ("POST", "/predict", 404), ("POST", "/score", 200)}
        assert expected <= answered
