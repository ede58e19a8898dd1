"""`hindcast serve`: HTTP in by uvicorn, the predict Lambda's own handler inside, HTTP out."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import uvicorn

from hindcast.errors import InputError
from hindcast.serving.handler import Handler
from hindcast.traffic.gateway import Gateway
from hindcast.traffic.http_protocol import SILENCE_SECONDS, Protocol

BACKLOG = 1024  # Connections that wait to be accepted.
GRACE_SECONDS = 5  # Requests under way at shutdown get so long to be answered.


class Server(uvicorn.Server):
    """A handler over HTTP; port 0 takes any free port. Raises InputError when it is taken."""

    def __init__(self, handler: Handler, host: str = "127.0.0.1", port: int = 0) -> None:
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://{host}:{self.port}"
        super().__init__(_config(Gateway(handler)))

    def answer(self) -> None:
        """Answer requests until it is stopped and those under way are done."""
        with self._socket:
            self.run([self._socket])

    def stop(self) -> None:
        """Let `answer` end soon; from any thread, or from a signal's handler."""
        self.should_exit = True

    def capture_signals(self) -> Any:
        """Signals are for `serve`: uvicorn would raise them again when it has ended."""
        return nullcontext()


def serve(
    handler: Handler,
    host: str = "127.0.0.1",
    port: int = 8080,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Answer until SIGTERM or SIGINT; on_listening gets the URL, port 0 takes any free port.

    Raises InputError when the address is taken.
    """
    server = Server(handler, host, port)
    with _on_signals(server.stop):
        if on_listening is not None:
            on_listening(server.url)
        server.answer()


def _config(gateway: Gateway) -> uvicorn.Config:
    """Of uvicorn: HTTP alone, and no line of its own but for what is unforeseen."""
    return uvicorn.Config(
        gateway,
        loop="asyncio",
        http=Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        headers=[("Server", "hindcast")],
        timeout_keep_alive=SILENCE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends without delay where the protocol is named; create_server does not name it.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
        return listener
    except OSError as error:
        listener.close()
        reason = error.strerror or "not possible"
        raise InputError(
            f"cannot listen on {host}:{port}: {reason}; choose another port"
        ) from error


@contextmanager
def _on_signals(action: Callable[[], None]) -> Iterator[None]:
    """Act on SIGTERM and SIGINT, and leave the process's signal handlers as they were."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Only the main thread may listen to signals; whoever started us stops us.
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda *_: action())
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
