"""Which addresses a webhook may lead to, and connections to the very address that was checked."""

import ipaddress
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from hindcast.errors import HindcastError, InputError, first_line
from hindcast.operations.events.deadlines import Deadline

_PORTS = {"http": 80, "https": 443}
# IPv6 addresses that a gateway turns into the IPv4 address at their end.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Destination:
    """A URL that may be posted to. public_only: nothing but https to public addresses."""

    url: str
    public_only: bool

    def __post_init__(self) -> None:
        """Raise InputError for a URL that can never be posted to."""
        if not self.url.isascii() or not self.url.isprintable() or " " in self.url:
            raise InputError(f"{self.url!r}: write other characters than ASCII's as %XX or xn--")
        parts = self.parts
        schemes = ("https",) if self.public_only else ("https", "http")
        if parts.scheme not in schemes or not parts.hostname:
            raise InputError(f"{self.url}: write {' or '.join(schemes)}://host/path")
        if parts.username or parts.password:
            raise InputError(f"{parts.hostname}: a URL with a password in it would be kept openly")

    @property
    def parts(self) -> SplitResult:
        """The URL's parts; InputError where it has none."""
        try:
            parts = urlsplit(self.url)
            parts.port  # noqa: B018 (raises for what is no port)
        except ValueError as error:
            raise InputError(f"{self.url}: {error}") from error
        return parts

    @property
    def port(self) -> int:
        """The port, by default the scheme's."""
        return self.parts.port or _PORTS[self.parts.scheme]

    def addresses(self) -> list[str]:
        """What its host resolves to now; raises InputError if any of it may not be posted to."""
        host = str(self.parts.hostname)
        try:
            found = socket.getaddrinfo(host, self.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise HindcastError(f"{host}: cannot be resolved: {first_line(error)}") from error
        resolved = list(dict.fromkeys(str(each[4][0]) for each in found))
        for address in resolved:
            if not is_allowed(address, self.public_only):
                raise InputError(f"{host}: leads to {address}, which events are not posted to")
        return resolved

    def connect(self, deadline: Deadline) -> socket.socket:
        """An open connection to an address that was checked, by TLS for https."""
        raw = _first_open(self.addresses(), self.port, deadline)
        if self.parts.scheme == "http":
            return raw
        try:
            context = ssl.create_default_context()
            raw.settimeout(deadline.left())
            return context.wrap_socket(raw, server_hostname=self.parts.hostname)
        except BaseException:
            raw.close()
            raise


def is_allowed(address: str, public_only: bool) -> bool:
    """Whether events may be posted to an IP address; never where machines keep credentials."""
    place = _meant(ipaddress.ip_address(address.partition("%")[0]))
    if public_only:
        return place.is_global and not place.is_multicast
    return not (place.is_link_local or place.is_multicast or place.is_unspecified)


def _meant(place: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, or the address itself."""
    if isinstance(place, IPv4Address):
        return place
    if place in _TRANSLATED:
        return IPv4Address(place.packed[-4:])
    return place.ipv4_mapped or place.sixtofour or place


def _first_open(addresses: Sequence[str], port: int, deadline: Deadline) -> socket.socket:
    for place, address in enumerate(addresses[:-1]):
        # One that does not answer leaves time for the others.
        share = deadline.left() / (len(addresses) - place)
        try:
            return socket.create_connection((address, port), share)
        except OSError:  # The last one says why.
            continue
    return socket.create_connection((addresses[-1], port), deadline.left())
