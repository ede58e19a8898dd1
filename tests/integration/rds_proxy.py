"""RDS Proxy in miniature: TLS only, an IAM token as the password, a real Postgres behind it."""

import os
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# What a client sends before the first message to ask for TLS: eight bytes, and this number.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
AUTHORITY = "authority.pem"
CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
)
CLEAR_TEXT_PASSWORD = b"R" + struct.pack("!ii", 8, 3)


@dataclass
class RdsProxy:
    """Listens on a port of its own; `tokens` are those that clients signed in with."""

    server: str
    context: ssl.SSLContext
    authority: Path  # Which clients are to trust.
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    tokens: list[str] = field(default_factory=list)
    clients: list[socket.socket] = field(default_factory=list)

    def url(self, user: str, database: str = "postgres") -> str:
        port = self.listener.getsockname()[1]
        # A busy machine may take longer than the seconds that serving waits.
        return f"postgresql://{user}@127.0.0.1:{port}/{database}?connect_timeout=20"

    def disconnect(self) -> None:
        """Cut every connection, as a failover does."""
        for client in self.clients:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self.clients.clear()

    def serve(self) -> None:
        with suppress(OSError):  # Closed in the end.
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=[client], daemon=True).start()

    def _answer(self, plain: socket.socket) -> None:
        with plain, suppress(OSError):
            if plain.recv(8) != SSL_REQUEST:
                plain.sendall(_refusal("This RDS proxy requires TLS connections"))
                return
            plain.sendall(b"S")
            with self.context.wrap_socket(plain, server_side=True) as client:
                self._sign_in(client)

    def _sign_in(self, client: ssl.SSLSocket) -> None:
        start = _message(client, 0)
        user = dict(zip(*[iter(start[8:].split(b"\0"))] * 2, strict=False))[b"user"].decode()
        client.sendall(CLEAR_TEXT_PASSWORD)
        token = _message(client, 1)[5:-1].decode()
        self.tokens.append(token)
        if not self._is_valid(token, user):
            client.sendall(_refusal("The IAM authentication failed"))
            return
        with socket.socket(socket.AF_UNIX) as behind:
            behind.connect(_socket(self.server))
            behind.sendall(start)
            self.clients += [client, behind]
            back = threading.Thread(target=_copy, args=[behind, client], daemon=True)
            back.start()
            _copy(client, behind)
            back.join()

    def _is_valid(self, token: str, user: str) -> bool:
        """Whether AWS's own client would make this token, at an instant of the last 15 minutes."""
        (stamp,) = parse_qs(urlsplit(f"//{token}").query)["X-Amz-Date"]
        signed_at = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("botocore.auth.get_current_datetime", lambda: signed_at)
            port = self.listener.getsockname()[1]
            client = _client(*map(os.environ.get, CREDENTIALS))
            expected = client.generate_db_auth_token("127.0.0.1", port, user)
        return token == expected and datetime.now(UTC) - signed_at < timedelta(minutes=15)


@cache
def _client(*_: str | None) -> Any:
    """AWS's own client with these credentials: its making takes longer than a sign-in.

    In a session of its own, as the default one keeps the credentials of its first use.
    """
    return boto3.Session().client("rds")


@contextmanager
def listening(
    server: str, folder: Path, kind: type[RdsProxy] = RdsProxy, address: str = "127.0.0.1"
) -> Iterator[RdsProxy]:
    """A proxy in front of an embedded server, whose certificate an authority of the folder signs.

    address: that the certificate is of.
    """
    certificate = _certificate(folder, IPv4Address(address))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    proxy = kind(server, context, folder / AUTHORITY)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.disconnect()
        proxy.listener.shutdown(socket.SHUT_RDWR)
        proxy.listener.close()
        thread.join()


def _certificate(folder: Path, address: IPv4Address) -> Path:
    """A certificate of an address and its key, signed by the folder's authority."""
    authority, signer = _authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    made = _of_a_day(authority.subject, f"proxy {address}", key.public_key()).add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(address)]), critical=False
    )
    path = folder / f"proxy-{key.public_key().public_numbers().x}.pem"
    path.write_bytes(_pem(key) + _pem(made.sign(signer, hashes.SHA256())))
    return path


def _authority(folder: Path) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """The folder's, made at first; its key lies beside what clients are given."""
    path, secret = folder / AUTHORITY, folder / "authority.key"
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        made = _of_a_day(subject, "an authority", key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        path.write_bytes(_pem(made.sign(key, hashes.SHA256())))
        secret.write_bytes(_pem(key))
    loaded = serialization.load_pem_private_key(secret.read_bytes(), None)
    assert isinstance(loaded, ec.EllipticCurvePrivateKey)
    return x509.load_pem_x509_certificate(path.read_bytes()), loaded


def _of_a_day(
    issuer: x509.Name, name: str, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    return (
        x509.CertificateBuilder(issuer, subject, key, x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
    )


def _pem(part: x509.Certificate | ec.EllipticCurvePrivateKey) -> bytes:
    if isinstance(part, x509.Certificate):
        return part.public_bytes(serialization.Encoding.PEM)
    return part.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _message(client: socket.socket, kind: int) -> bytes:
    """A whole message, whose length follows its kind of so many bytes and counts itself."""
    head = _exactly(client, kind + 4)
    (length,) = struct.unpack("!i", head[kind:])
    return head + _exactly(client, length - 4)


def _exactly(client: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = client.recv(count - len(found))
        if not part:
            raise ConnectionError("the client went away")
        found += part
    return found


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _refusal(reason: str) -> bytes:
    body = f"SFATAL\0C28P01\0M{reason}\0\0".encode()
    return b"E" + struct.pack("!i", len(body) + 4) + body


def _socket(url: str) -> str:
    (folder,) = parse_qs(urlsplit(url).query)["host"]
    return f"{folder}/.s.PGSQL.5432"
