"""How tests train whose story is the same whatever a metric's last digits are."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from hindcast.models.evaluation import latency
from hindcast.models.registry import plots
from hindcast.models.training import importance, intervals

Put = Callable[[Any, str, Any], None]


def measure_roughly(put: Put) -> None:
    """Measure less often, and draw nothing; put: what sets an attribute, for a while or for good.

    Two releases of one training are the same only where both are measured so.
    """
    put(importance, "REPEATS", 1)
    put(intervals, "RESAMPLES", 200)
    put(latency, "CALLS", 100)
    put(plots, "_rendered", _undrawn)


@contextmanager
def measures() -> Iterator[None]:
    """Until the with ends, train so in this process."""
    with pytest.MonkeyPatch.context() as patch:
        measure_roughly(patch.setattr)
        yield


def _undrawn(_: str) -> Mapping[str, bytes]:
    return {}
