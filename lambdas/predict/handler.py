"""The predict Lambda: answers by the release in its image, and for all feature services.

The release is verified and loaded here, while the environment starts, at full CPU.
"""

import os

# numpy's linear algebra would start a thread per core, and they spin; serving does none of it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hindcast import settings
from hindcast.errors import NoReleaseError
from hindcast.serving import journal, line_tags, secret
from hindcast.serving.catalog import open_catalog
from hindcast.serving.handler import (
    Handler,
    logger,
    make_features_handler,
    make_handler,
    meter,
    with_services,
)
from hindcast.serving.predictor import open_predictor
from hindcast.settings import Settings


def _handler(given: Settings) -> Handler:
    """Without a model's answers before the first rebuild, which brings a release."""
    meter.belong(given.deployment)
    if given.line_keys:  # Once: to tag a line takes microseconds.
        keys = line_tags.parse(secret.read(given.line_keys), given.line_keys)
        journal.sign(logger, keys)
    try:
        predictor = open_predictor(given)
    except NoReleaseError:
        predictor = None
    answering = make_handler(predictor, given.probe)
    if given.database_url is None:  # What is scored needs no online store.
        return answering
    return with_services(make_features_handler(open_catalog(given)), answering)


handler = _handler(settings.load())
