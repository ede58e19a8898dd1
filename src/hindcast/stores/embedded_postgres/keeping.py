"""A server that is started anew whenever it was killed, for who serves for long."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hindcast.errors import StoreUnavailableError
from hindcast.stores.embedded_postgres import process, server

SECONDS_BETWEEN_LOOKS = 1.0


@contextmanager
def kept_running(data: Path, told: Callable[[str], None]) -> Iterator[None]:
    """Until the with ends, start the server again where it has ended; told: hears why, and when."""
    stopping = threading.Event()
    thread = threading.Thread(target=_keep, args=(data, told, stopping), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()


def _keep(data: Path, told: Callable[[str], None], stopping: threading.Event) -> None:
    while not stopping.wait(SECONDS_BETWEEN_LOOKS):
        if process.is_running(data):
            continue
        try:
            server.server_url(data)
            told("the embedded Postgres had ended, and was started again")
        except StoreUnavailableError as error:
            told(str(error))
