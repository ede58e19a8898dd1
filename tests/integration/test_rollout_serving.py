"""Canaries over real HTTP: `hindcast serve` in a process of its own, a roll-out beside it."""

from collections import Counter
from collections.abc import Iterator

import pytest

from hindcast.models import promote
from hindcast.stores.online import ViewVersion
from hindcast.traffic.local_stage import LocalStage
from hindcast.traffic.stage import Stage
from tests.integration import moto_aws
from tests.integration.hindsight import AS_OF, Home
from tests.integration.processes import Service, deployed, serving, start
from tests.integration.rolling import WITH_A_NEW_FEATURE, champion, last_run, roll, served

# Of 600 requests in a step, 5% are 30 or so: fewer than 10 in one of a hundred thousand runs.
REQUESTS_PER_LOOK = 200


@pytest.fixture
def service(home: Home) -> Iterator[Service]:
    with serving(home) as started:
        yield started


def test_a_canary_is_rolled_back_by_its_error_rate_and_promoted_once_it_is_put_right(
    home: Home, service: Service
) -> None:
    before, wider = champion(home), home.redefine(WITH_A_NEW_FEATURE)
    release, stage = wider.train(AS_OF), LocalStage(home.folder, "credit_risk")
    assert wider.evaluate(release).passed
    answers: Counter[tuple[int, str | None]] = Counter()

    def ask(_: float) -> None:
        answers.update(service.ask(REQUESTS_PER_LOOK))

    def ask_without_features(_: float) -> None:
        wider.application.store.drop(ViewVersion.of(wider.application.project.view()))
        ask(0)

    wider.materialize()
    report = roll(wider, release, ask_without_features)
    assert (report.outcome, report.replaces, report.promotion) == ("rolled back", before, None)
    [step] = report.steps
    failed = step.errors
    assert (step.percent, step.requests) == (5, failed)
    assert str(report.why).startswith(f"error rate: {failed} of {failed} requests failed")
    assert answers == {(200, before): REQUESTS_PER_LOOK - failed, (503, None): failed}
    assert stage.read() == Stage(before)
    assert champion(home) == before
    assert (last_run(home).status, last_run(home).error) == ("failed", report.why)
    assert service.ask(50) == {(200, before): 50}

    wider.materialize()
    answers.clear()
    report = roll(wider, release, ask)
    assert (report.outcome, report.why) == ("promoted", None)
    assert [step.percent for step in report.steps] == [5, 25, 50]
    assert [step.errors for step in report.steps] == [0, 0, 0]
    asked = sum(step.requests for step in report.steps)
    assert answers == {(200, release): asked, (200, before): 1800 - asked}
    assert stage.read() == Stage(release)
    assert champion(home) == release
    assert last_run(home).outputs["promotion"] == report.promotion
    assert service.ask(50) == {(200, release): 50}

    service.process.terminate()
    service.process.wait()
    assert service.counted("NotMaterializedErrors") == {release: failed}
    assert service.counted("Predictions") == {
        before: REQUESTS_PER_LOOK - failed + 50 + 1800 - asked,
        release: asked + 50,
    }


def test_a_service_follows_its_stage_while_it_serves(home: Home, service: Service) -> None:
    first, second = home.releases
    stage = LocalStage(home.folder, "credit_risk")
    assert service.ask(20) == {(200, second): 20}
    stage.shift(first, 50)
    assert service.ask(60).keys() == {(200, first), (200, second)}
    stage.shift(first, 100)
    assert service.ask(20) == {(200, first): 20}
    whole = stage.path.read_text()
    stage.path.write_text(whole[:-10])
    assert service.ask(20) == {(200, first): 20}
    assert any("credit_risk.json" in line.get("reason", "") for line in service.lines())
    stage.path.write_text(whole)
    stage.end_canary()
    assert service.ask(20) == {(200, second): 20}
    promote.rollback(home.application, None, stage)
    assert service.ask(20) == {(200, first): 20}


def test_a_service_follows_a_stage_of_api_gateway(home: Home) -> None:
    """Its variables are moto's; its canary moto does not keep, see the unit tests."""
    earlier = home.releases[0]
    with moto_aws.account() as url:
        cloud = {
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        with serving(home, cloud, "--api", deployed(cloud, earlier)) as service:
            assert service.ask(20) == {(200, earlier): 20}
    assert not LocalStage(home.folder, "credit_risk").exists


def test_a_service_does_not_start_with_a_canary_that_does_not_verify(home: Home) -> None:
    served(home).shift(home.releases[0], 5)
    (home.application.release_folder(home.releases[0]) / "model.onnx").write_bytes(b"changed")
    process = start(home, "serve", "--port", "0")
    assert f"release {home.releases[0]}: model.onnx has changed" in process.communicate()[1]
    assert process.returncode == 1
