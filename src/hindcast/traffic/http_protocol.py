"""HTTP/1.1 by httptools, where a client has to say in time, and in short, what it wants."""

import asyncio
import json

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hindcast.serving import answers

SILENCE_SECONDS = 30  # A connection that says nothing for so long is closed.
HEAD_SECONDS = 10  # From its first byte, or from the start, to the end of a request's headers.
MAX_HEAD_BYTES = 64 * 1024


class Protocol(HttpToolsProtocol):
    """uvicorn's, which would wait for the rest of a request's headers without end."""

    _late: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _is_in_body = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect no more."""
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take more of a request, which is refused where its headers do not end."""
        if not self._is_in_body:
            self._expect_head()
        self._head_bytes += len(data)
        super().data_received(data)
        if self._late is not None and self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response(f"The headers are longer than {MAX_HEAD_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        """Expect the body, for as long as who reads it does."""
        self._is_in_body = True
        self._expect_nothing()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect another request, once its first byte is here."""
        self._is_in_body = False
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP as everything is refused."""
        body = json.dumps(answers.refusal(None, msg))
        head = (
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write((head + body).encode())
        self.transport.close()

    def _expect_head(self) -> None:
        if self._late is None:
            self._head_bytes = 0
            self._late = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _expect_nothing(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None
