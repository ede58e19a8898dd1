"""RDS Proxy in miniature: TLS only, an IAM token as the password, a real Postgres behind it."""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

# What a client sends before the first message to ask for TLS: eight bytes, and this number.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)
CLEAR_TEXT_PASSWORD = b"R" + struct.pack("!ii", 8, 3)


@dataclass
class RdsProxy:
    """Listens on a port of its own; `tokens` are those that clients signed in with."""

    server: str
    context: ssl.SSLContext
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
            # A session of its own, as the default one keeps the credentials of its first use.
            client = boto3.Session().client("rds")
            expected = client.generate_db_auth_token("127.0.0.1", port, user)
        return token == expected and datetime.now(UTC) - signed_at < timedelta(minutes=15)


@contextmanager
def listening(server: str, folder: Path, kind: type[RdsProxy] = RdsProxy) -> Iterator[RdsProxy]:
    """A proxy in front of an embedded server, with a certificate of its own."""
    certificate = _certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    proxy = kind(server, context)
    thread = threading.Thread(target=proxy.serve, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.disconnect()
        proxy.listener.shutdown(socket.SHUT_RDWR)
        proxy.listener.close()
        thread.join()


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "proxy.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


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
