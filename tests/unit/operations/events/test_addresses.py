"""Where a webhook may lead: on AWS to public addresses alone, checked where it connects."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from hindcast.errors import HindcastError, InputError
from hindcast.operations.events import webhooks
from hindcast.operations.events.addresses import Destination, is_allowed

METADATA = ["169.254.169.254", "169.254.170.2", "fe80::1%eth0", "::ffff:169.254.169.254"]
PRIVATE = ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "fd00:ec2::254", "::ffff:127.0.0.1"]
DISGUISED = ["64:ff9b::a9fe:a9fe", "2002:7f00:1::", "0.0.0.0", "::", "224.0.0.1", "100.64.0.1"]
PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]


@pytest.mark.parametrize("address", [*METADATA, *PRIVATE, *DISGUISED])
def test_on_aws_what_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(address, public_only=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_may_be_posted_to(address: str) -> None:
    assert is_allowed(address, public_only=True)
    assert is_allowed(address, public_only=False)


def test_on_a_machine_of_ones_own_only_what_keeps_credentials_is_refused() -> None:
    assert not any(is_allowed(address, public_only=False) for address in METADATA)
    assert all(is_allowed(address, public_only=False) for address in PRIVATE)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://crm.test/", "write https://host/path"),
        ("file:///etc/passwd", "write https://host/path"),
        ("https:///path", "write https://host/path"),
        ("https://user:word@crm.test/", "a URL with a password in it would be kept openly"),
        ("https://crm.test:99999/", "Port out of range"),
        ("https://[::1/", "Invalid IPv6 URL"),
        ("https://crm.test/\r\nHost: x", "write other characters"),
        ("https://crm.test/ä", "write other characters"),
    ],
)
def test_a_url_that_can_never_be_posted_to_is_refused(url: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as error:
        Destination(url, public_only=True)
    assert "word" not in str(error.value).replace("password", "")


def resolving_to(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
    """Each resolution of any name gives the next answer; the last of them from then on."""
    left = list(answers)

    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_a_name_that_leads_to_any_refused_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving_to(monkeypatch, [PUBLIC[0], "169.254.169.254"])
    with pytest.raises(InputError, match=r"crm\.test: leads to 169\.254\.169\.254"):
        Destination("https://crm.test/", public_only=True).addresses()


def test_a_name_that_cannot_be_resolved_is_said_so() -> None:
    with pytest.raises(HindcastError, match="cannot be resolved"):
        Destination("https://nowhere.invalid/", public_only=False).addresses()


def test_the_connection_is_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere the second time it is resolved gains nothing by it."""
    opened = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        opened.append(address)
        raise ConnectionRefusedError(111, "refused")

    resolving_to(monkeypatch, [PUBLIC[0]], ["127.0.0.1"])
    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(HindcastError, match="refused"):
        webhooks.post(Destination("https://crm.test/", public_only=True), {}, b"")
    assert opened == [(PUBLIC[0], 443)]


@contextmanager
def subscriber(answer: Callable[[socket.socket], None]) -> Iterator[Destination]:
    """Where a server takes one request, and answers it in its own way."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        port = server.getsockname()[1]
        yield Destination(f"http://127.0.0.1:{port}/", public_only=False)
        thread.join()


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://169.254.169.254/\r\n\r\n"
    with subscriber(lambda connection: connection.sendall(moved)) as destination:
        assert webhooks.post(destination, {}, b"{}") == 307


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nX: "], ids=["status", "header"])
def test_a_subscriber_that_drips_its_answer_is_left_when_the_time_is_over(said: bytes) -> None:
    left = threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(said)
        with suppress(OSError):
            while not left.wait(0.02):
                connection.sendall(b"H")

    with subscriber(drip) as destination:
        began = time.monotonic()
        with pytest.raises(HindcastError, match=r"127\.0\.0\.1:.*: no answer within 0\.2 s"):
            webhooks.post(destination, {}, b"{}", seconds=0.2)
        assert 0.2 <= time.monotonic() - began < 2
        left.set()
