"""`hindcast serve` speaks HTTP/1.1 to callers and API Gateway's events to the handler."""

import base64
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from hindcast.errors import InputError
from hindcast.serving import requests
from hindcast.traffic import http as service
from tests.over_http import answering

HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"


def echo(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A handler that answers with the event it got."""
    assert context.aws_request_id
    headers = {"Content-Type": ["application/json"], "X-Twice": ["1", "2"]}
    return {"statusCode": 201, "multiValueHeaders": headers, "body": json.dumps(event)}


@pytest.fixture
def server() -> Iterator[service.Server]:
    with answering(echo) as started:
        yield started


@pytest.fixture
def connection(server: service.Server) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
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
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 65_536, 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET http://x/health?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 201),
        (b"GET //health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 201),
    ],
    ids=[
        "negative",
        "no number",
        "no URL",
        "endless headers",
        "nonsense",
        "whole URL",
        "two slashes",
    ],
)
def test_broken_http_is_refused_in_json(server: service.Server, head: bytes, status: int) -> None:
    with connected(server) as raw:
        raw.sendall(head)
        answer = b"".join(iter(lambda: raw.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    found = json.loads(answer.rpartition(b"\r\n\r\n")[2])
    assert "error" in found if status == 400 else found["path"] in ("/health", "//health")


def connected(server: service.Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


@pytest.mark.parametrize(
    "sent",
    [b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Le", HEAD + b'{"id"', HEAD + b'{"id": 5}'],
    ids=["in the headers", "in the body", "before the answer"],
)
def test_a_client_that_resets_its_connection_leaves_no_word_and_asks_nothing(
    capfd: pytest.CaptureFixture[str], sent: bytes
) -> None:
    asked: list[str] = []

    def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
        asked.append(event["body"])
        return echo(event, context)

    with answering(handler) as server:
        with connected(server) as raw:
            raw.sendall(sent)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as other:
            assert ask(other, "POST", "/predict", b"other")[0].status == 201
    assert set(asked) - {'{"id": 5}'} == {"other"}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("limit", "sent", "answer"),
    [
        ("http_protocol.HEAD_SECONDS", b"GET /health HTTP/1.1\r\nHost: x\r\n", b""),
        ("gateway.BODY_SECONDS", HEAD.replace(b"9", b"999"), b"HTTP/1.1 408 "),
    ],
    ids=["headers", "body"],
)
def test_who_is_slow_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch, limit: str, sent: bytes, answer: bytes
) -> None:
    """Also where a byte comes now and then."""
    monkeypatch.setattr(f"hindcast.traffic.{limit}", 0.3)
    with answering(echo) as server, connected(server) as raw:
        began = time.monotonic()
        raw.sendall(sent)
        raw.settimeout(0.05)
        received = b"waiting"
        while received == b"waiting" and time.monotonic() - began < 5:
            try:
                received = raw.recv(65536)
            except TimeoutError:
                raw.sendall(b"X")
    assert time.monotonic() - began < 2
    assert received.startswith(answer)
    assert bool(received) == bool(answer)


def test_the_handler_sees_one_event_at_a_time() -> None:
    inside = threading.Lock()

    def alone(event: dict[str, Any], context: Any) -> dict[str, Any]:
        assert inside.acquire(blocking=False)
        try:
            return echo(event, context)
        finally:
            inside.release()

    with answering(alone) as server, ThreadPoolExecutor(8) as callers:

        def call(_: int) -> int:
            with closing(http.client.HTTPConnection("127.0.0.1", server.port)) as connection:
                return ask(connection, "GET", "/")[0].status

        assert set(callers.map(call, range(80))) == {201}


def test_what_is_under_way_is_answered_before_the_end() -> None:
    asked = threading.Event()

    def slow(event: dict[str, Any], context: Any) -> dict[str, Any]:
        asked.set()
        time.sleep(0.3)
        return echo(event, context)

    with ThreadPoolExecutor(1) as caller, answering(slow) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        answer = caller.submit(ask, connection, "GET", "/")
        asked.wait()
    assert answer.result()[0].status == 201
    connection.close()


def test_a_port_that_is_taken_is_bad_input(server: service.Server) -> None:
    with pytest.raises(InputError, match="cannot listen on"):
        service.serve(echo, port=server.port)


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
