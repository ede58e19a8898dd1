"""A handler over HTTP, in a thread of the test's process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hindcast.serving.handler import Handler
from hindcast.traffic.http import Server


@contextmanager
def answering(handler: Handler) -> Iterator[Server]:
    """A server of a handler until the with ends."""
    server = Server(handler)
    thread = threading.Thread(target=server.answer)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()
