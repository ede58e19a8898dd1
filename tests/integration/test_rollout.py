"""Canaries over real HTTP: `hindcast serve` in a process of its own, a roll-out beside it."""

import json
import os
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from hindcast.errors import ConflictError, GateError, InputError, NotFoundError, ReleaseError
from hindcast.models import promote
from hindcast.stores.ledger import Run
from hindcast.stores.online import ViewVersion
from hindcast.traffic.local_stage import LocalStage
from hindcast.traffic.roll_out import Plan, RollOutReport, Wait, roll_out
from hindcast.traffic.stage import Stage
from hindcast.traffic.watch import Alarms
from tests.integration.hindsight import AS_OF, Home
from tests.integration.processes import Service, deployed, serving, start

# Of 600 requests in a step, 5% are 30 or so: fewer than 10 in one of a hundred thousand runs.
REQUESTS_PER_LOOK = 200
PLAN, ALARMS = Plan(looks=3, look_seconds=0), Alarms(requests=10)
WITH_A_NEW_FEATURE = (
    'Feature("age", ',
    'Feature("max_amount_last_90_days", "max(loan_amount)", over=prior(days=90)),\n'
    '        Feature("age", ',
)


@pytest.fixture
def service(home: Home) -> Iterator[Service]:
    with serving(home) as started:
        yield started


@pytest.fixture
def stage(home: Home) -> LocalStage:
    """The stage of a model that was served once, by the champion."""
    made = LocalStage(home.folder, "credit_risk")
    made.point(home.releases[1])
    return made


def roll(home: Home, release: str, wait: Wait) -> RollOutReport:
    return roll_out(home.application, None, release, PLAN, ALARMS, wait=wait)


def no_traffic(_: float) -> None:
    pytest.fail("the canary has begun")


def last_run(home: Home) -> Run:
    return home.application.ledger.runs("roll-out")[0]


def champion(home: Home) -> str:
    return home.application.champion("credit_risk").release


def test_a_release_whose_features_are_not_online_is_refused_before_anything_is_touched(
    home: Home, stage: LocalStage
) -> None:
    before, wider = stage.path.read_text(), home.redefine(WITH_A_NEW_FEATURE)
    release = wider.train(AS_OF)
    assert wider.evaluate(release).passed
    reason = "reads features that are not in the online store; run: hindcast materialize"
    with pytest.raises(GateError, match=reason):
        roll(wider, release, no_traffic)
    for is_forced in (False, True):
        with pytest.raises(GateError, match=reason):
            promote.promote(wider.application, None, release, is_forced, "a test")
    assert stage.path.read_text() == before


def test_a_canary_is_rolled_back_by_its_error_rate_and_promoted_once_it_is_put_right(
    home: Home, service: Service, capsys: pytest.CaptureFixture[str]
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
    assert f"Hindcast: roll-out rolled back {release}" in capsys.readouterr().err

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
    assert f"Hindcast: roll-out promoted {release}" in capsys.readouterr().err

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
    aws = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    aws.start()
    host, port = aws.get_host_and_port()
    cloud = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    earlier = home.releases[0]
    with serving(home, cloud, "--api", deployed(cloud, earlier)) as service:
        assert service.ask(20) == {(200, earlier): 20}
    aws.stop()
    assert not LocalStage(home.folder, "credit_risk").exists


def test_a_service_does_not_start_with_a_canary_that_does_not_verify(
    home: Home, stage: LocalStage
) -> None:
    stage.shift(home.releases[0], 5)
    (home.application.release_folder(home.releases[0]) / "model.onnx").write_bytes(b"changed")
    process = start(home, "serve", "--port", "0")
    assert f"release {home.releases[0]}: model.onnx has changed" in process.communicate()[1]
    assert process.returncode == 1


def test_a_release_that_the_gate_has_not_let_through_gets_no_traffic(
    home: Home, stage: LocalStage
) -> None:
    release = home.train("2021-08-17")
    with pytest.raises(GateError, match="has not been evaluated; run: hindcast evaluate"):
        roll(home, release, no_traffic)
    with pytest.raises(InputError, match="is in production already"):
        roll(home, champion(home), no_traffic)
    assert home.application.ledger.runs("roll-out") == []
    assert stage.read() == Stage(champion(home))


def test_without_a_service_there_is_nothing_to_roll_out_to(home: Home) -> None:
    with pytest.raises(NotFoundError, match="not served from this home; run: hindcast serve"):
        roll(home, home.releases[0], no_traffic)


def test_a_canary_that_nobody_asks_is_not_promoted(home: Home, stage: LocalStage) -> None:
    report = roll(home, home.releases[0], lambda _: None)
    assert report.outcome == "rolled back"
    assert report.why == (
        "traffic: 0 requests, fewer than the 10 to judge by, at 5% of the traffic"
    )
    assert stage.read() == Stage(champion(home))


def test_a_release_that_does_not_verify_is_refused_before_any_traffic(
    home: Home, stage: LocalStage
) -> None:
    (home.application.release_folder(home.releases[0]) / "model.onnx").write_bytes(b"changed")
    with pytest.raises(ReleaseError, match=r"model\.onnx has changed"):
        roll(home, home.releases[0], no_traffic)
    assert last_run(home).status == "failed"
    assert stage.read() == Stage(champion(home))


@pytest.mark.parametrize(
    ("raised", "error"),
    [(RuntimeError("no more"), "RuntimeError: no more"), (KeyboardInterrupt(), "interrupted")],
)
def test_whatever_goes_wrong_ends_the_canary(
    home: Home, stage: LocalStage, raised: BaseException, error: str
) -> None:
    def fail(_: float) -> None:
        assert stage.read().percent == 5
        raise raised

    with pytest.raises(type(raised)):
        roll(home, home.releases[0], fail)
    assert stage.read() == Stage(champion(home))
    assert (last_run(home).status, last_run(home).error) == ("failed", error)


def test_a_promotion_by_someone_else_meanwhile_is_not_undone(home: Home, stage: LocalStage) -> None:
    release = home.releases[0]
    third = home.train("2021-08-17")

    def intervene(_: float) -> None:
        if champion(home) != third:
            home.promote(third)
        line = {"release": release, "status": 200, "latency": 1.0}
        with stage.access_log.open("a") as log:
            log.write(10 * (json.dumps(line) + "\n"))

    with pytest.raises(ConflictError, match=f"promoted release '{third}' of model 'credit_risk'"):
        roll(home, release, intervene)
    assert champion(home) == third
    assert stage.read() == Stage(third)


def test_a_second_roll_out_is_refused_and_leaves_the_first_alone(
    home: Home, stage: LocalStage
) -> None:
    with stage.alone():
        stage.shift(home.releases[0], 5)
        with pytest.raises(ConflictError, match="a roll-out of model 'credit_risk' is under way"):
            roll(home, home.releases[0], no_traffic)
        assert stage.read().percent == 5


def test_a_killed_roll_out_leaves_its_canary_to_the_next(home: Home, stage: LocalStage) -> None:
    release = home.releases[0]
    process = start(home, "roll-out", release, "--look-seconds", "600")
    while stage.read().canary is None:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
    process.kill()
    process.communicate()
    assert stage.read() == Stage(champion(home), release, 5.0)
    assert last_run(home).status == "unfinished"
    assert roll(home, release, lambda _: None).outcome == "rolled back"
    assert stage.read() == Stage(champion(home))


@pytest.fixture
def kept_signals() -> Iterator[None]:
    """The command takes SIGTERM for itself, as processes of its own may."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("kept_signals")
def test_a_terminated_roll_out_ends_its_canary(
    home: Home, stage: LocalStage, capsys: pytest.CaptureFixture[str]
) -> None:
    def terminate() -> None:
        while stage.read().canary is None:
            done.wait(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    done = threading.Event()
    killer = threading.Thread(target=terminate)
    killer.start()
    code, _, _ = home.run(capsys, "roll-out", home.releases[0], "--look-seconds", 600)
    killer.join()
    assert code == 130
    assert stage.read() == Stage(champion(home))
    assert last_run(home).error == "interrupted"


@pytest.mark.usefixtures("kept_signals")
def test_the_commands(home: Home, stage: LocalStage, capsys: pytest.CaptureFixture[str]) -> None:
    release = home.releases[0]
    code, out, _ = home.run(capsys, "roll-out", 1, "--looks", 1, "--look-seconds", 0, "--json")
    report = json.loads(out)
    assert (code, report["release"], report["outcome"]) == (1, release, "rolled back")
    assert report["steps"][0]["alarm"] == "traffic: 0 requests, fewer than the 100 to judge by"
    for steps in ("25,5", "5%"):
        code, _, err = home.run(capsys, "roll-out", 1, "--steps", steps)
        assert code == 2
        assert f"steps {steps}: " in err
    stage.shift(release, 5)
    code, out, _ = home.run(capsys, "end-canary", "--json")
    assert (code, json.loads(out)) == (0, {"model": "credit_risk", "ended": True})
    assert stage.read() == Stage(champion(home))
