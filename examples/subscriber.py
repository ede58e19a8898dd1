"""A subscriber to Hindcast's events, of the standard library only: verifies and prints them.

hindcast events subscribe crm http://127.0.0.1:9000/
SUBSCRIBER_SECRET=whsec_... python examples/subscriber.py --port 9000
"""

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

# An older signature may be a copy that somebody sends anew.
TOLERANCE_SECONDS = 300


def is_genuine(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether the headers sign the body with the secret, at about this time (seconds, Unix)."""
    event_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not stamp.isdecimal() or abs(now - int(stamp)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, f"{event_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    expected = f"v1,{base64.b64encode(digest).decode()}"
    # Several signatures, by spaces, where the sender is changing its secret.
    given = headers.get("webhook-signature", "").split()
    return any(hmac.compare_digest(each, expected) for each in given)


class Subscriber(HTTPServer):
    """Keeps the ids of what came: an event may come twice, with one id."""

    def __init__(self, address: tuple[str, int], secret: str) -> None:
        super().__init__(address, Handler)
        self.secret = secret
        self.seen: set[str] = set()

    def take(self, event: Mapping[str, Any]) -> None:
        """Do with an event what this system does: print it."""
        if event["id"] not in self.seen:
            self.seen.add(event["id"])
            print(event["type"], event["subject"], json.dumps(event["data"]), flush=True)  # noqa: T201


class Handler(BaseHTTPRequestHandler):
    """Answers 204 to an event, and 401 to what Hindcast did not sign."""

    server: Subscriber

    def do_POST(self) -> None:
        """Take one event."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        genuine = is_genuine(self.server.secret, dict(self.headers), body, time.time())
        if genuine:
            self.server.take(json.loads(body))
        self.send_response(204 if genuine else 401)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print the events alone."""


def main() -> None:
    """Listen on this machine until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9000)
    port = parser.parse_args().port
    server = Subscriber(("127.0.0.1", port), os.environ.get("SUBSCRIBER_SECRET", ""))
    sys.stderr.write(f"listening on http://127.0.0.1:{server.server_port}/\n")
    if not server.secret:
        server.secret = sys.stdin.readline().strip()
    server.serve_forever()


if __name__ == "__main__":
    main()
