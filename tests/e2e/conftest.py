"""One deployment of several models on a local AWS, for the files that look at it: test_deploy*."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest
from botocore.credentials import Credentials

from infra.config import STAGING
from tests.e2e.deployment import Template
from tests.e2e.several import DEPLOYED, MODELS, answering
from tests.e2e.world import World, synthesize, world
from tests.integration import hindsight, shops
from tests.integration.hindsight import Home

# What a later deployment changes: sizes, limits, how long logs are kept.
CHANGED = replace(
    DEPLOYED,
    log_days=90,
    sizes=replace(STAGING.sizes, predict_memory=2048, requests_per_second=80),
    thresholds=replace(STAGING.thresholds, latency_p99_ms=300),
)


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    return synthesize(tmp_path_factory.mktemp("cdk.out"), DEPLOYED)


@pytest.fixture(scope="session")
def changed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Template]:
    return synthesize(tmp_path_factory.mktemp("cdk.out"), CHANGED)


@pytest.fixture(scope="session")
def home(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: str, with_tables: str
) -> Iterator[Home]:
    """A home with materialized purchases and tickets, and a release of each model."""
    with hindsight.database(postgres_server, "deployed", with_tables) as url:
        home = shops.settle(tmp_path_factory.mktemp("home"), url)
        for model in MODELS:
            shops.trained(home, model)
        yield home


@pytest.fixture(scope="session")
def predict(home: Home) -> Iterator[dict[str, str]]:
    """The predict handler under the runtime emulator, a process for each model: URLs by name."""
    with ExitStack() as running:
        yield {
            DEPLOYED.of_model("predict", model): running.enter_context(answering(home, model))
            for model in MODELS
        }


@pytest.fixture(scope="session")
def deployed(
    tmp_path_factory: pytest.TempPathFactory,
    templates: dict[str, Template],
    predict: dict[str, str],
) -> Iterator[World]:
    """Not to be changed."""
    with world(tmp_path_factory.mktemp("aws"), DEPLOYED, templates, predict) as made:
        yield made


@pytest.fixture(scope="session")
def caller(deployed: World) -> Credentials:
    return deployed.user("caller", "*/POST/predict")
