"""The demo: the main job on synthetic loans, from a file to answers that are replayed."""

from hindcast.demo.steps import run
from hindcast.demo.summary import Summary, canaries, gates, places, predictions

__all__ = ["Summary", "canaries", "gates", "places", "predictions", "run"]
