"""The demo: the main job on an example, from files to answers that are replayed."""

from hindcast.demo.story import run
from hindcast.demo.summary import Summary, canaries, gates, places, predictions

__all__ = ["Summary", "canaries", "gates", "places", "predictions", "run"]
