"""A champion that is asked all the time, while something else happens."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.integration.hindsight import CUSTOMERS, Home
from tests.integration.service import Service, serve

Answer = tuple[int, tuple[Any, ...]]


@contextmanager
def asked(home: Home, release: str) -> Iterator[set[Answer]]:
    """The different answers of a release while the with statement lasts, at its end included.

    An answer is its status, and the probability of each customer.
    """
    seen: set[Answer] = set()
    stop, failures = threading.Event(), list[BaseException]()
    with serve(home.database_url, home.application.release_folder(release)) as service:

        def ask() -> None:
            try:
                while not stop.is_set():
                    seen.add(answer(service))
            except BaseException as error:
                failures.append(error)
                raise

        thread = threading.Thread(target=ask)
        thread.start()
        try:
            yield seen
        finally:
            stop.set()
            thread.join()
        assert failures == []
        seen.add(answer(service))


def answer(service: Service) -> Answer:
    status, body = service.call("POST", "/predict/batch", {"ids": list(CUSTOMERS)})
    return status, tuple(each.get("probability") for each in body.get("predictions", ()))
