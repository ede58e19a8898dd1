"""The same handler behind one HTTP server or another: `http_servers.py NAME` prints its URL.

Those that are not installed say so and end; of one that is, the handler sees one event at a time.
"""

import asyncio
import io
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from hindcast.traffic import proxy_events
from hindcast.traffic.gateway import Gateway

CALLERS = 8
# Of the Lambda handler, as predict_latency.py measures it.
PREDICTION_SECONDS = 0.00044
_turn = threading.Lock()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """An answer of a prediction's size, which keeps a core as long as a prediction does."""
    end = time.thread_time() + PREDICTION_SECONDS
    while time.thread_time() < end:
        pass
    headers = {"Content-Type": ["application/json"]}
    return {"statusCode": 200, "multiValueHeaders": headers, "body": '{"probability": 0.5}' * 15}


def _answered(method: str, target: str, headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    event = proxy_events.proxy_event(method, target, headers, body, "127.0.0.1")
    with _turn:
        content: str = handler(event, proxy_events.Context())["body"]
    return content.encode()


def wsgi(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    """The handler as a WSGI application."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    headers = [(name, text) for name, text in environ.items() if name.startswith("HTTP_")]
    content = _answered(environ["REQUEST_METHOD"], environ["PATH_INFO"], headers, body)
    start(
        "200 OK",
        [("Content-Type", "application/json"), ("Content-Length", str(len(content)))],
    )
    return [content]


class _Exchange(BaseHTTPRequestHandler):
    """A thread per connection, as the standard library does it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = io.DEFAULT_BUFFER_SIZE

    def do_POST(self) -> None:
        """Answer, in one packet."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        content = _answered(self.command, self.path, self.headers.items(), body)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def hindcast() -> None:
    """uvicorn with httptools, as `hindcast serve` has it."""
    from hindcast.traffic.http import serve

    serve(handler, port=0, on_listening=_say)


def standard_library() -> None:
    """http.server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Exchange)
    _say(f"http://127.0.0.1:{server.server_address[1]}")
    server.serve_forever()


def waitress() -> None:
    """Threads behind one loop, WSGI."""
    import waitress as peer

    server = peer.create_server(wsgi, host="127.0.0.1", port=0, threads=CALLERS)
    _say(f"http://127.0.0.1:{server.effective_port}")
    server.run()


def cheroot() -> None:
    """Threads, WSGI."""
    from cheroot.wsgi import Server

    server = Server(("127.0.0.1", 0), wsgi, numthreads=10)
    server.prepare()
    _say(f"http://127.0.0.1:{server.bind_addr[1]}")
    server.serve()


def hypercorn() -> None:
    """asyncio with h11, ASGI."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config, port = Config(), _free_port()
    config.bind = [f"127.0.0.1:{port}"]
    config.errorlog = None
    _say(f"http://127.0.0.1:{port}")
    application: Any = Gateway(handler)
    asyncio.run(serve(application, config))


def granian() -> None:
    """Rust, ASGI, in this process."""
    from granian.server.embed import Server

    port = _free_port()
    _say(f"http://127.0.0.1:{port}")
    server = Server(Gateway(handler), address="127.0.0.1", port=port, interface="asginl")
    asyncio.run(server.serve())


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _say(url: str) -> None:
    print(url, flush=True)


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    except ImportError as error:
        print(f"not installed: {error.name}", flush=True)
