"""Which addresses a downloader may connect to: public ones. Pure.

Names are judged before they are looked up, and the addresses that they resolve to are judged again at the moment of
connecting: the one that was checked is the one that is connected to.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from functools import lru_cache

from collectors.errors import BadInput, Refused

_BLANK = re.compile(r"[\x00-\x20\x7f]")  # white space and control characters
#: An address with nothing to put right: of small letters, with no escape, no user, no fragment.
_CLEAR = re.compile(
    r"(https?)://([a-z0-9-]+(?:\.[a-z0-9-]+)*)(?::([1-9][0-9]{0,4}))?"
    r"(/[\w.!$&'()*+,;=:@~/-]*(?:\?[\w.!$&'()*+,;=:@~/?-]*)?)",
    re.ASCII,
)
PORTS = frozenset({80, 443, 8000, 8080, 8443})
_USUAL = {"http": 80, "https": 443}
_OWN = ("localhost", "local", "internal", "intranet", "lan", "home", "corp", "localdomain", "onion", "home.arpa")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_TUNNELS = (
    ipaddress.ip_network("2002::/16"),
    ipaddress.ip_network("2001::/32"),
    ipaddress.ip_network("64:ff9b:1::/48"),
)

Place = tuple[str, int]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet: not private, loopback, link-local, shared (CGNAT),
    multicast, reserved, unspecified, nor a way around (IPv4 mapped into IPv6, NAT64, 6to4, Teredo)."""
    try:
        number = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(number, ipaddress.IPv6Address):
        if number.ipv4_mapped:
            return is_public(str(number.ipv4_mapped))
        if number in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(number) & 0xFFFFFFFF)))
        if any(number in network for network in _TUNNELS) or int(number) >> 32 == 0:
            return False
    return number.is_global and not number.is_multicast and not number.is_reserved


@dataclass(frozen=True, slots=True)
class WebAddress:
    """A judged URL, spelt anew from its parts, so that whoever opens it reads the host that was judged."""

    url: str
    place: Place


def check_url(url: str, *, allow: frozenset[Place] = frozenset()) -> Place:
    """The host and port that a URL leads to; raises Refused (bad_url, private_address)."""
    return read_url(url, allow=allow).place


def read_url(url: str, *, allow: frozenset[Place] = frozenset()) -> WebAddress:
    """The URL as we ask for it, and where it leads; raises Refused (bad_url, private_address).

    ``allow`` names the (host, port) pairs that may be private, and have any port.
    """
    if len(url) > 8192 or _BLANK.search(url):
        raise Refused("bad_url", "too long, or with white space or control characters")
    scheme, host, port, target = _spelt(url)
    if (host, port) not in allow:
        _judge(host, port)
    named = f"[{host}]" if ":" in host else host
    usual = port == _USUAL[scheme]
    return WebAddress(f"{scheme}://{named}{'' if usual else f':{port}'}{target}", (host, port))


def _spelt(url: str) -> tuple[str, str, int, str]:
    """Scheme, host, port and the rest of a URL, put right where need be; raises Refused (bad_url)."""
    clear = _CLEAR.fullmatch(url)
    if clear and "/." not in clear[4] and int(clear[3] or 0) < 65536:  # most are; to read the others takes longer
        return clear[1], clear[2], int(clear[3] or _USUAL[clear[1]]), clear[4]
    from urllib3.util import parse_url

    try:
        parts = parse_url(url)
    except ValueError as error:  # urllib3's LocationParseError is one
        raise Refused("bad_url", str(error)[:200]) from error
    if parts.scheme not in ("http", "https") or not parts.host:
        raise Refused("bad_url", f"not a web address: {url[:100]!r}")
    if parts.auth is not None:
        raise Refused("bad_url", "an address with a user name in it")
    return (
        parts.scheme,
        parts.host.strip("[]").rstrip(".").lower(),
        parts.port or _USUAL[parts.scheme],
        parts.request_uri,
    )


def read_places(text: str) -> frozenset[Place]:
    """``host:port`` pairs, comma separated, as a setting holds them; raises BadInput."""
    places = set()
    for pair in filter(None, (piece.strip() for piece in text.split(","))):
        host, colon, port = pair.rpartition(":")
        if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise BadInput(f"not a host:port pair: {pair!r}")
        places.add((host.strip("[]").rstrip(".").lower(), int(port)))
    return frozenset(places)


def _judge(host: str, port: int) -> None:
    if port not in PORTS:
        raise Refused("bad_url", f"port {port}")
    literal = literal_address(host)
    if literal is None and not _is_name(host):
        raise Refused("bad_url", f"not a host name: {host[:100]!r}")
    if literal is not None and not is_public(literal):
        raise Refused("private_address", host[:100])
    if literal is None and ("." not in host or host.endswith(tuple(f".{end}" for end in _OWN))):
        raise Refused("private_address", host[:100])


@lru_cache(maxsize=1024)
def literal_address(host: str) -> str | None:
    """The address that a host spells out, in any of the spellings that system resolvers take (0x7f.1, 2130706433)."""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeEncodeError):
        return None


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return len(host) <= 253 and all(
        0 < len(label) <= 63 and label.isascii() and label.replace("-", "").replace("_", "").isalnum()
        for label in labels
    )
