"""Roll-outs that are refused, and how each that has begun ends its canary."""

import json
import os
import signal
import subprocess
import threading
from datetime import UTC, datetime

import pytest

from hindcast.errors import ConflictError, GateError, InputError, NotFoundError, ReleaseError
from hindcast.models import promote
from hindcast.traffic.local_stage import LocalStage
from hindcast.traffic.roll_out import HOLD
from hindcast.traffic.stage import Stage
from tests.integration.hindsight import AS_OF, Home
from tests.integration.processes import start
from tests.integration.rolling import (
    WITH_A_NEW_FEATURE,
    champion,
    last_run,
    no_traffic,
    roll,
    served,
)


@pytest.fixture
def stage(home: Home) -> LocalStage:
    return served(home)


def test_a_release_whose_features_are_not_online_is_refused_before_anything_is_touched(
    home: Home, stage: LocalStage
) -> None:
    before, wider = stage.path.read_text(), home.redefine(WITH_A_NEW_FEATURE)
    release = wider.train(AS_OF)
    assert wider.evaluate(release).passed
    reason = "reads features of credit_history that are not in the online store; run: hindcast m"
    with pytest.raises(GateError, match=reason):
        roll(wider, release, no_traffic)
    for is_forced in (False, True):
        with pytest.raises(GateError, match=reason):
            promote.promote(wider.application, None, release, is_forced, "a test")
    assert stage.path.read_text() == before


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
    status = "interrupted" if error == "interrupted" else "failed"
    assert (last_run(home).status, last_run(home).error) == (status, error)


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
    left, now = stage.read(), datetime.now(UTC)
    assert (left.canary, left.percent) == (release, 5.0)
    assert left.until is not None
    assert now < left.until <= now + HOLD
    assert left.at(left.until) == Stage(champion(home))
    assert last_run(home).status == "unfinished"
    assert roll(home, release, lambda _: None).outcome == "rolled back"
    assert stage.read() == Stage(champion(home))


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
    assert code == 143
    assert stage.read() == Stage(champion(home))
    assert last_run(home).error == "interrupted by SIGTERM"


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
