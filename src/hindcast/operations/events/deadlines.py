"""One time for a whole exchange over a socket, whose own timeout begins anew with every read."""

import io
import socket
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadline:
    """An instant of the clock that only goes forward, by which everything is done or given up."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """So many seconds from now on."""
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        """The seconds that are left; raises TimeoutError where none are."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time is over")
        return left


class TimedSocket:
    """What http.client uses of a socket, all of it within one deadline."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._socket = connected
        self._deadline = deadline

    def sendall(self, data: bytes) -> None:
        """Send all of it; raises TimeoutError."""
        rest = memoryview(data)
        while rest:
            self._socket.settimeout(self._deadline.left())
            rest = rest[self._socket.send(rest) :]

    def makefile(self, mode: str) -> io.BufferedReader:
        """What the other side sends, for reading alone."""
        return io.BufferedReader(_Received(self._socket, self._deadline))

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


class _Received(io.RawIOBase):
    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        super().__init__()
        self._socket = connected
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._socket.settimeout(self._deadline.left())
        return self._socket.recv_into(buffer)
