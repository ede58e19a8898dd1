"""Both machines for a project of two sources, three views, several models; one of them failing."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from hindcast.bootstrap import knowledge
from hindcast.data.refresh import refresh
from hindcast.engines.duckdb import DuckDBEngine
from hindcast.errors import HindcastError
from tests.integration import hindsight, shops
from tests.integration.hindsight import Home
from tests.orchestration.aws import Given
from tests.orchestration.cloud import Cloud, alarm, cloud, create, function, ping, substitutions
from tests.orchestration.stage import Stage

CLOCKS = {"as_of": shops.AS_OF, "known_by": shops.NOW.isoformat()}
VIEWS = ("spending", "support", "busy")


@pytest.fixture(scope="module")
def shop_cloud(postgres_server: str, with_tables: str) -> Iterator[Cloud]:
    with (
        tempfile.TemporaryDirectory(prefix="hindcast-home-") as folder,
        hindsight.database(postgres_server, "several", with_tables) as url,
    ):
        home = shops.settle(Path(folder), url)
        with cloud(home) as around:
            around.glue.work = partial(job, home)
            yield around


@pytest.fixture(scope="module")
def stages(shop_cloud: Cloud) -> dict[str, Stage]:
    """A stage, function, alarm and rebuild machine for each of two models."""
    made = {model: Stage() for model in ("risk", "delay")}
    for model in made:
        name = f"predict-{model}"
        function(name, "")
        alarm(f"{model}-errors")
        pings = {name: partial(ping, function=name)}
        shop_cloud.functions.handlers = {**shop_cloud.functions.handlers, **pings}
        own = {
            "ModelName": model,
            "StageName": model,
            "PredictFunctionName": name,
            "AlarmNames": f"{model}-errors",
        }
        given = {**substitutions(shop_cloud.topic), **own}
        shop_cloud.machines[model] = create(f"rebuild-{model}", "rebuild", given)
    fakes = shop_cloud.edge.fakes
    fakes["apigateway", "GetStage"] = lambda given: made[given["stageName"]].get(given)
    fakes["apigateway", "UpdateStage"] = lambda given: made[given["stageName"]].update(given)
    return made


def job(home: Home, given: Given) -> str | None:
    """What the Glue job does, on DuckDB; its error."""
    words = given["Arguments"]
    views = words["--feature_views"].split(",") if "--feature_views" in words else None
    clocks = knowledge(words["--as_of"], words["--known_by"], shops.NOW)
    try:
        refresh(home.application, views, DuckDBEngine(), clocks)
    except HindcastError as error:
        return str(error)
    return None


@contextmanager
def without(home: Home, source: str) -> Iterator[None]:
    """A source whose table is gone."""
    table = Path(home.application.lake.uri("raw", source))
    aside = table.with_name("aside")
    shutil.move(table, aside)
    yield
    shutil.move(aside, table)


def materialized(home: Home) -> dict[str, str]:
    """View -> the run that made what is online."""
    return {of.view: swap.run_id for of, swap in home.application.store.materialized().items()}


def test_a_view_that_fails_does_not_stop_the_others_and_is_named(shop_cloud: Cloud) -> None:
    before = materialized(shop_cloud.home)
    with without(shop_cloud.home, "tickets"):
        ended = shop_cloud.run("daily", "refresh", **CLOCKS)
    assert (ended.status, ended.error) == ("FAILED", "TaskFailed")
    assert "1 of 3 not refreshed: feature view 'support': " in str(ended.cause)
    after = materialized(shop_cloud.home)
    assert [view for view in VIEWS if after[view] == before[view]] == ["support"]
    (subject, message) = shop_cloud.notifications[-1]
    assert subject == "Hindcast: refresh failed"
    assert {one["view"]: one["materialization"] for one in message["views"]} == after


def test_models_are_rebuilt_at_the_same_time_and_ones_alarm_rolls_back_that_one_alone(
    shop_cloud: Cloud, stages: dict[str, Stage]
) -> None:
    reached, let_go = threading.Event(), threading.Event()

    def hold_in_the_canary(share: float) -> None:
        reached.set()
        assert let_go.wait(120)
        shop_cloud.ring("risk-errors")

    stages["risk"].on_shift = hold_in_the_canary
    risk = shop_cloud.start("sunday", "risk", **CLOCKS)
    assert reached.wait(120)
    again = shop_cloud.run("again", "risk", **CLOCKS)
    delay = shop_cloud.run("sunday", "delay", **CLOCKS)
    let_go.set()
    failed = shop_cloud.wait(risk)

    assert (again.status, again.error) == ("FAILED", "AlreadyRunning")
    assert (delay.status, delay.output["outcome"]) == ("SUCCEEDED", "promoted"), delay
    assert (failed.status, failed.error) == ("FAILED", "AlarmRinging"), failed
    assert (stages["delay"].shifts, stages["risk"].shifts) == ([5, 25, 50, 0], [5])
    runs = [run.id for run in shop_cloud.rebuilds]
    assert runs == ["rebuild-delay.sunday", "rebuild-risk.sunday"]
    assert served(stages) == {"risk": "1", "delay": delay.output["version"]}
    ledger = shop_cloud.home.application.ledger
    assert ledger.champion("risk") is None
    jobs = shop_cloud.edge.made("glue", "StartJobRun")
    assert jobs[-1]["Arguments"]["--feature_views"] == ",".join(VIEWS)


def test_a_machine_rebuilds_no_model_but_its_own(
    shop_cloud: Cloud, stages: dict[str, Stage]
) -> None:
    ended = shop_cloud.run("wrong", "risk", model="delay", **CLOCKS)
    assert (ended.status, ended.error) == ("FAILED", "AnotherModel")
    assert "this machine rebuilds risk: start that of delay" in str(ended.cause)
    assert "OpenRun" not in ended.states


def served(stages: dict[str, Stage]) -> dict[str, Any]:
    """The version of predict on each model's stage."""
    return {model: stage.document["variables"]["predictVersion"] for model, stage in stages.items()}
