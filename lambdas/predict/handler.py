"""The predict Lambda: answers by the release in its image.

The release is verified and loaded here, while the environment starts, at full CPU.
"""

import os

# numpy's linear algebra would start a thread per core, and they spin; serving does none of it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from hindcast import settings
from hindcast.errors import NoReleaseError
from hindcast.serving.handler import make_handler
from hindcast.serving.predictor import Predictor, open_predictor


def _predictor() -> Predictor | None:
    """None before the first rebuild, which brings a release."""
    try:
        return open_predictor(settings.load())
    except NoReleaseError:
        return None


handler = make_handler(_predictor())
