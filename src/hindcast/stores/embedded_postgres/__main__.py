"""The watcher's process: `python -m hindcast.stores.embedded_postgres DATA LOCK`."""

import sys
from contextlib import suppress
from pathlib import Path

from hindcast.stores.embedded_postgres import watcher

if __name__ == "__main__":
    with suppress(OSError):  # Without its folder there is nothing to watch.
        watcher.watch(Path(sys.argv[1]), int(sys.argv[2]))
