"""`hindcast serve`: HTTP in, the predict Lambda's own handler inside, HTTP out."""

import base64
import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any

from hindcast.errors import InputError
from hindcast.serving import answers, requests
from hindcast.serving.handler import Handler
from hindcast.serving.requests import RequestError
from hindcast.traffic import proxy_events

SILENCE_SECONDS = 30  # A connection that says nothing for so long is closed.
GRACE_SECONDS = 5  # Requests under way at shutdown get so long to be answered.
_DRAIN_BYTES = 8 * requests.MAX_BODY_BYTES


class Server(ThreadingHTTPServer):
    """A thread per connection, one event at a time, as Lambda does it."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: Handler) -> None:
        self._handler = handler
        self._turn = threading.Lock()
        self._idle = threading.Condition()
        self._under_way = 0
        super().__init__(address, Exchange)

    def server_bind(self) -> None:
        """Bind without asking DNS for our own name, which can take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def invoke(self, event: dict[str, Any]) -> dict[str, Any]:
        """Call the handler when its turn has come."""
        with self._turn:
            return self._handler(event, proxy_events.Context())

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """A request that shutdown waits for."""
        with self._idle:
            self._under_way += 1
        try:
            yield
        finally:
            with self._idle:
                self._under_way -= 1
                self._idle.notify_all()

    def finish(self, seconds: float) -> None:
        """Wait until no request is under way, at most so many seconds."""
        with self._idle:
            self._idle.wait_for(lambda: self._under_way == 0, seconds)


class Exchange(BaseHTTPRequestHandler):
    """One connection: requests in, the handler's answers out."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024  # Status, headers and body leave in one packet.
    timeout = SILENCE_SECONDS
    error_content_type = "application/json"
    # For what the standard library refuses by itself, such as a broken request line.
    error_message_format = '{"error": {"field": null, "message": "HTTP error %(code)d"}}'

    def answer(self) -> None:
        """Read the request, call the handler, write its answer."""
        with self.server.under_way():
            try:
                body = self._read_body()
            except RequestError as error:
                self.close_connection = True
                document = json.dumps(answers.refusal(error.field, error.message))
                self._write(error.status, {"Content-Type": ["application/json"]}, document.encode())
                return
            event = proxy_events.proxy_event(
                self.command, self.path, self.headers.items(), body, self.client_address[0]
            )
            result = self.server.invoke(event)
            content = result.get("body") or ""
            encoded = base64.b64decode(content) if result.get("isBase64Encoded") else None
            headers = result.get("multiValueHeaders") or {}
            self._write(result["statusCode"], headers, encoded or content.encode())

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer

    def version_string(self) -> str:
        """What the Server header says: no versions."""
        return "hindcast"

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: paths hold entities' keys, and the handler logs what is to be logged."""

    def _read_body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            raise RequestError(411, "Content-Length", "is required")
        declared = self.headers.get("Content-Length", "0")
        # isdecimal alone accepts digits of other scripts.
        if not (declared.isascii() and declared.isdecimal()):
            raise RequestError(400, "Content-Length", "must be a number of bytes")
        length = int(declared[:20])
        if length > requests.MAX_BODY_BYTES:
            # Reading on for a while lets the client see the answer instead of a broken pipe.
            for _ in range(0, min(length, _DRAIN_BYTES), 64 * 1024):
                if not self.rfile.read1(64 * 1024):
                    break
            raise requests.too_large()
        return self.rfile.read(length)

    def _write(self, status: int, headers: dict[str, list[str]], body: bytes) -> None:
        self.send_response(status)
        for name, values in headers.items():
            for value in values:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


def serve(
    handler: Handler,
    host: str = "127.0.0.1",
    port: int = 8080,
    on_listening: Callable[[str], None] | None = None,
) -> None:
    """Answer until SIGTERM or SIGINT; on_listening gets the URL, port 0 takes any free port.

    Raises InputError when the address is taken.
    """
    server = _open(host, port, handler)
    stop = threading.Event()
    with server, _on_signals(stop.set):
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        if on_listening is not None:
            on_listening(f"http://{host}:{server.server_port}")
        stop.wait()
        server.shutdown()
        server.finish(GRACE_SECONDS)


def _open(host: str, port: int, handler: Handler) -> Server:
    try:
        return Server((host, port), handler)
    except OSError as error:
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
