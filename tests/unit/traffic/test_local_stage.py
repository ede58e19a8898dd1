"""The stage in a home: one file, replaced whole, that says what API Gateway would."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hindcast.errors import ConflictError, InputError, NotFoundError
from hindcast.traffic.local_stage import LocalStage
from hindcast.traffic.stage import Stage


@pytest.fixture
def stage(tmp_path: Path) -> LocalStage:
    made = LocalStage(tmp_path, "m")
    made.point("m-1")
    return made


def test_the_file_is_what_get_stage_answers(stage: LocalStage) -> None:
    stage.shift("m-2", 25)
    assert json.loads(stage.path.read_text()) == {
        "variables": {"predictVersion": "m-1"},
        "canarySettings": {
            "percentTraffic": 25.0,
            "stageVariableOverrides": {"predictVersion": "m-2"},
            "useStageCache": False,
        },
    }
    assert stage.read() == Stage("m-1", "m-2", 25.0)


def test_a_promotion_leaves_the_canary_to_who_started_it(stage: LocalStage) -> None:
    stage.shift("m-2", 5)
    stage.point("m-3")
    assert stage.read() == Stage("m-3", "m-2", 5.0)
    assert stage.end_canary()
    assert stage.read() == Stage("m-3")
    assert not stage.end_canary()


def test_a_model_that_was_never_served_has_no_stage(tmp_path: Path) -> None:
    stage = LocalStage(tmp_path, "m")
    assert not stage.exists
    for act in (stage.read, stage.end_canary, lambda: stage.shift("m-2", 5)):
        with pytest.raises(NotFoundError, match="'m' is not served from this home; run: hindcast"):
            act()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"variables": {"predictVersion": 1}}', "\udcff"]
)
def test_a_corrupted_file_is_named_with_what_to_do(stage: LocalStage, content: str) -> None:
    stage.path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(InputError, match=r"m\.json: .*; delete it, and start hindcast serve again"):
        stage.read()


def test_a_canary_ends_whatever_its_settings_say(stage: LocalStage) -> None:
    document = json.loads(stage.path.read_text())
    stage.path.write_text(json.dumps({**document, "canarySettings": {"percentTraffic": 7e9}}))
    with pytest.raises(InputError):
        stage.read()
    assert stage.end_canary()
    assert stage.read() == Stage("m-1")


def test_changes_are_told_once(stage: LocalStage) -> None:
    changes = stage.changes()
    assert changes() == stage.read()
    assert changes() is None
    stage.shift("m-2", 5)
    assert changes() == stage.read()
    assert changes() is None


def test_a_change_that_cannot_be_read_is_told_once_too(stage: LocalStage) -> None:
    changes = stage.changes()
    changes()
    stage.path.write_text("{")
    with pytest.raises(InputError):
        changes()
    assert changes() is None
    stage.path.unlink()
    with pytest.raises(NotFoundError):
        changes()
    assert changes() is None
    stage.point("m-2")
    assert changes() == Stage("m-2")


def test_changes_at_the_same_time_do_not_undo_each_other(stage: LocalStage) -> None:
    def act(number: int) -> None:
        stage.point(f"m-{number}") if number % 2 else stage.shift(f"m-{number}", number)

    stage.shift("m-0", 0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, range(80)))
    found = stage.read()
    assert found.canary is not None
    assert int(found.release[2:]) % 2 == 1
    assert int(found.canary[2:]) == found.percent


def test_one_roll_out_at_a_time(stage: LocalStage, tmp_path: Path) -> None:
    with stage.alone():
        with (
            pytest.raises(ConflictError, match="a roll-out of model 'm' is under way"),
            LocalStage(tmp_path, "m").alone(),
        ):
            pass
        with LocalStage(tmp_path, "another").alone():
            pass
    with stage.alone():
        pass
