"""The client against the real API: typed answers, and refusals that say what is wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hindcast.client import Client, ClientAnswer, RefusedError
from hindcast.serving.handler import Handler
from tests.integration import control
from tests.integration.hindsight import AS_OF, Home
from tests.integration.service import FEATURES, Service
from tests.over_http import answering


@contextmanager
def served(handler: Handler) -> Iterator[str]:
    """The URL of a handler over HTTP."""
    with answering(handler) as server:
        yield f"{server.url}/"


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    """A client of the predict API over the small release."""
    with served(service.handler) as url:
        yield Client(url)


@pytest.mark.parametrize("model", [None, "credit_risk"])
def test_a_prediction_is_typed(client: Client, model: str | None) -> None:
    found = client.predict({"id": 5008827}, model)
    assert found.prediction in (0, 1)
    assert 0 <= (found.probability or 0) <= 1
    assert found.keys == {"id": 5008827}
    assert found.features_as_of is not None
    assert found.features_as_of.isoformat() == "2021-09-17T00:00:00+00:00"


def test_many_are_answered_in_order_with_refusals_in_their_places(client: Client) -> None:
    known, unknown, wrong = client.predict_many([{"id": 5008827}, {"id": 1}, {"id": "x"}])
    assert isinstance(known, ClientAnswer)
    assert isinstance(unknown, RefusedError)
    assert unknown.message == "there is no customer with id 1"
    assert isinstance(wrong, RefusedError)
    assert wrong.field == "instances[2].id"


def test_values_are_scored_and_features_read(client: Client) -> None:
    assert client.score(FEATURES).features_as_of is None
    assert client.features({"id": 5008827}).values["income"] == 427500.0


def test_a_refusal_has_its_status_field_and_message(client: Client) -> None:
    with pytest.raises(RefusedError, match="id: is missing; send a bigint") as found:
        client.predict({})
    assert (found.value.status, found.value.field) == (422, "id")


def test_a_job_is_started_waited_for_and_promoted_from(home: Home) -> None:
    with control.opened(home) as api, served(api.handler) as url:
        client = Client(url, api.tokens["approver"])
        started = client.start("train", as_of=AS_OF, idempotency_key="once")
        assert client.start("train", as_of=AS_OF, idempotency_key="once").id == started.id
        done = client.wait(started, every=0.1)
        assert (done.status, done.error, done.is_open) == ("succeeded", None, False)
        assert started.id in [run.id for run in client.runs("train", "succeeded")]
        releases = [each["release"] for each in client.releases()]
        assert done.outputs["release"] in releases
        before = client.status()["models"]["credit_risk"]["champion"]
        forced = client.promote(releases[0], reason="a test")
        assert forced["release"] == releases[0] != before
        assert client.roll_back("credit_risk")["release"] == before
        left = client.wait(client.cancel(client.start("train", as_of=AS_OF).id), every=0.1)
        again = client.cancel(client.retry(left.id).id)
        assert (left.status, again.document["retries"]) == ("cancelled", left.id)
        with pytest.raises(RefusedError, match="has no release 'credit_risk-0"):
            client.promote("credit_risk-000000000000")


def test_nobody_there_is_a_refusal_too() -> None:
    with pytest.raises(RefusedError, match=r"127\.0\.0\.1:9 does not answer: .*refused"):
        Client("http://127.0.0.1:9").status()
