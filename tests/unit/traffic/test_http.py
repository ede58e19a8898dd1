"""`hindcast serve` speaks HTTP/1.1 to callers and API Gateway's events to the handler."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hindcast.errors import InputError
from hindcast.serving import requests
from hindcast.traffic import http as service


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A handler that answers with the event it got."""
    assert context.aws_request_id
    headers = {"Content-Type": ["application/json"], "X-Twice": ["1", "2"]}
    return {"statusCode": 201, "multiValueHeaders": headers, "body": json.dumps(event)}


@pytest.fixture
def server() -> Iterator[service.Server]:
    with service.Server(("127.0.0.1", 0), echo) as started:
        thread = threading.Thread(target=started.serve_forever, args=(0.01,))
        thread.start()
        yield started
        started.shutdown()
        thread.join()


@pytest.fixture
def connection(server: service.Server) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    yield opened
    opened.close()


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None = None
) -> tuple[http.client.HTTPResponse, dict[str, Any]]:
    connection.request(method, path, body)
    response = connection.getresponse()
    return response, json.loads(response.read() or b"{}")


def test_a_request_is_a_rest_proxy_event(connection: http.client.HTTPConnection) -> None:
    response, event = ask(connection, "POST", "/features/a%2520b?x=1&x=2", b'{"id": 1}')
    assert response.status == 201
    assert response.headers.get_all("X-Twice") == ["1", "2"]
    assert event["httpMethod"] == "POST"
    assert event["path"] == "/features/a%2520b"
    assert event["body"] == '{"id": 1}'
    assert event["isBase64Encoded"] is False
    assert event["queryStringParameters"] == {"x": "2"}
    assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"]}
    assert event["requestContext"]["stage"] == "local"


def test_a_body_that_is_not_text_travels_as_base64(connection: http.client.HTTPConnection) -> None:
    _, event = ask(connection, "POST", "/predict", b"\xff\x00")
    assert event["isBase64Encoded"] is True
    assert base64.b64decode(event["body"]) == b"\xff\x00"


def test_a_connection_is_kept_for_the_next_request(connection: http.client.HTTPConnection) -> None:
    ask(connection, "GET", "/health")
    first = connection.sock
    ask(connection, "POST", "/predict", b"{}")
    assert connection.sock is first is not None


def test_head_has_no_body(connection: http.client.HTTPConnection) -> None:
    response, nothing = ask(connection, "HEAD", "/health")
    assert (response.status, nothing) == (201, {})
    assert ask(connection, "GET", "/health")[0].status == 201


def test_a_body_too_large_is_413_and_the_next_connection_works(
    connection: http.client.HTTPConnection,
) -> None:
    response, answer = ask(connection, "POST", "/predict", b"x" * (requests.MAX_BODY_BYTES + 1))
    assert (response.status, answer["error"]["field"]) == (413, "body")
    assert response.headers["Connection"] == "close"
    assert ask(connection, "POST", "/predict", b"{}")[0].status == 201


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"BREW / HTTP/1.1\r\n\r\n", 501),
        (b"nonsense\r\n\r\n", 400),
    ],
)
def test_broken_http_is_refused_in_json(server: service.Server, head: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=10) as raw:
        raw.sendall(head)
        raw.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert str(status).encode() in answer[:40] or head.startswith(b"nonsense")
    assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["error"]


def test_the_handler_sees_one_event_at_a_time() -> None:
    inside = threading.Lock()

    def alone(event: dict[str, Any], context: Any) -> dict[str, Any]:
        assert inside.acquire(blocking=False)
        try:
            return echo(event, context)
        finally:
            inside.release()

    with service.Server(("127.0.0.1", 0), alone) as server, ThreadPoolExecutor(8) as callers:
        event = {"path": "/"}
        answers = list(callers.map(lambda _: server.invoke(event), range(200)))
    assert len(answers) == 200


def test_a_port_that_is_taken_is_bad_input(server: service.Server) -> None:
    with pytest.raises(InputError, match="cannot listen on"):
        service.serve(echo, port=server.server_port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    script = (
        "from hindcast.traffic import http\n"
        "http.serve(print, port=0, on_listening=lambda url: print(url, flush=True))\n"
        "print('stopped')"
    )
    command = [sys.executable, "-c", script]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        process.send_signal(number)
        rest, _ = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, "stopped\n")
