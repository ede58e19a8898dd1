"""A deployment of several models, and their functions beside the local AWS."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from hindcast import names
from hindcast.serving import questions
from hindcast.serving.predictor import Prediction, open_predictor
from infra.config import STAGING
from infra.project import Project
from tests.e2e import emulator
from tests.e2e.local_aws import ACCOUNT
from tests.integration import shops
from tests.integration.hindsight import Home

# Several of everything: two sources, three views, a model of each task.
MODELS = shops.MODELS
SHOPS = Project(
    "projects/shops",
    sources=("purchases", "tickets"),
    views=("spending", "support", "busy"),
    models=MODELS,
)
# Who may do what by the control API: sessions of roles that are named after it.
ROLES = {f"arn:aws:sts::*:assumed-role/{role}/*": role for role in ("viewer", "operator")}
WATCHING = replace(STAGING.watching, probes={})
DEPLOYED = replace(STAGING, account=ACCOUNT, project=SHOPS, roles=ROLES, watching=WATCHING)
QUESTION = {"cid": "c-2", "country": "DE", "shop_no": 1, "amount": 12.5}


@contextmanager
def answering(home: Home, model: str) -> Iterator[str]:
    """The function of a model with its release in the image; its URL."""
    release = shops.trained(home, model)
    environment = {
        names.ENV_DATABASE_URL: home.database_url,
        names.ENV_RELEASE_DIR: str(home.application.release_folder(release)),
    }
    name = DEPLOYED.of_model("predict", model)
    with emulator.function("lambdas.predict.handler.handler", environment, name) as started:
        # Its start is not what the API's 15 seconds are for, on a machine that has other work.
        assert started.invoke({"warmup": True}) == {"warm": True, "release": release}
        yield started.url


def predicted(home: Home, model: str) -> Prediction:
    """The same in this process."""
    folder = home.application.release_folder(shops.trained(home, model))
    settings = replace(home.application.settings, release_dir=folder)
    predictor = open_predictor(settings)
    try:
        return predictor.predict(
            questions.read(QUESTION, predictor.release.plan), datetime.now(UTC)
        )
    finally:
        predictor.close()
