"""A downloader connects to public addresses only, however the address is spelt."""

from __future__ import annotations

import contextlib
import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from collectors.addresses import check_url, is_public, read_url
from collectors.errors import Refused

PRIVATE_NETWORKS = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/29",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
]


@st.composite
def private_ipv4(draw: st.DrawFn) -> ipaddress.IPv4Address:
    network = ipaddress.ip_network(draw(st.sampled_from(PRIVATE_NETWORKS)))
    first = int(network.network_address)
    return ipaddress.IPv4Address(draw(st.integers(first, first + network.num_addresses - 1)))


def spellings(address: ipaddress.IPv4Address) -> list[str]:
    """Every way in which system resolvers read an IPv4 address."""
    number = int(address)
    a, b, c, d = struct.pack("!I", number)
    return [
        str(address),
        str(number),
        hex(number),
        f"0{number:o}",
        f"{a}.{(b << 16) | (c << 8) | d}",
        f"{a}.{b}.{(c << 8) | d}",
        f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{address}.",
        f"[::ffff:{address}]",
        f"[64:ff9b::{address}]",
        f"[2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1]",
        f"[::{address}]",
    ]


@given(private_ipv4(), st.integers(0, 12), st.sampled_from(["http", "https"]))
def test_a_private_address_is_refused_in_every_spelling(
    address: ipaddress.IPv4Address, spelling: int, scheme: str
) -> None:
    with pytest.raises(Refused) as refusal:
        check_url(f"{scheme}://{spellings(address)[spelling]}/a.jpg")
    assert refusal.value.reason in ("private_address", "bad_url")


@given(st.sampled_from([1, 8, 23, 45, 93, 151, 185, 213]), st.integers(0, 2**24 - 1))
def test_a_public_ipv4_address_is_taken_mapped_or_not(first: int, rest: int) -> None:
    address = ipaddress.IPv4Address((first << 24) | rest)
    assert is_public(str(address))
    assert is_public(f"::ffff:{address}")
    assert is_public(f"64:ff9b::{address}")


@pytest.mark.parametrize(
    "address",
    [
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001::1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "::ffff:10.0.0.1",
        "2001:db8::1",
        "not an address",
        "",
    ],
)
def test_what_is_no_public_address_is_not_connected_to(address: str) -> None:
    assert not is_public(address)


def test_a_public_ipv6_address_is_taken() -> None:
    assert is_public("2606:4700:4700::1111")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://example.org/a.jpg", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("gopher://example.org/", "bad_url"),
        ("data:image/png;base64,AAAA", "bad_url"),
        ("javascript:alert(1)", "bad_url"),
        ("http://", "bad_url"),
        ("http:///a.jpg", "bad_url"),
        ("//example.org/a.jpg", "bad_url"),
        ("", "bad_url"),
        ("http://somebody:secret@example.org/a.jpg", "bad_url"),
        ("http://127.0.0.1@example.org/", "bad_url"),
        ("http://example.org:22/", "bad_url"),
        ("http://example.org:6379/", "bad_url"),
        ("http://example.org:99999/", "bad_url"),
        ("http://exa mple.org/", "bad_url"),
        ("http://example.org/a\r\nX: y", "bad_url"),
        ("http://example.org/\x00", "bad_url"),
        ("http://" + "a" * 9000, "bad_url"),
        ("http://-/", "bad_url"),
        ("http://localhost/", "private_address"),
        ("http://LOCALHOST./", "private_address"),
        ("http://a.localhost/", "private_address"),
        ("http://metadata/", "private_address"),
        ("http://metadata.google.internal/", "private_address"),
        ("http://printer.local/", "private_address"),
        ("http://[::1]/", "private_address"),
        ("http://[fe80::1%25eth0]/", "private_address"),
        ("http://0/", "private_address"),
        ("http://127.1/", "private_address"),
        ("http://169.254.169.254/latest/meta-data/", "private_address"),
    ],
)
def test_what_is_no_public_web_address_is_refused(url: str, reason: str) -> None:
    with pytest.raises(Refused) as refusal:
        check_url(url)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("https://example.org/a.jpg?b=c", ("example.org", 443)),
        ("http://Example.ORG./a.jpg", ("example.org", 80)),
        ("https://8.8.8.8:8443/a", ("8.8.8.8", 8443)),
        ("https://[2606:4700:4700::1111]/", ("2606:4700:4700::1111", 443)),
    ],
)
def test_a_public_web_address_is_taken(url: str, place: tuple[str, int]) -> None:
    assert check_url(url) == place


@given(st.text(max_size=60))
def test_any_text_is_either_taken_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"https://example.org/{text}"):
        with contextlib.suppress(Refused):
            host, port = check_url(url)
            assert host
            assert 0 < port < 65536


PIECES = (
    *("a", "Z", "0", "-", "_", "~", ".", "..", "/", "//", "/./", "/../", "?", "#", "%20", "%2e", "%2F", "%c3", "%"),
    *("@", ":", ":80", ":8080", ":070000", "[", "]", "\\", "'", '"', "é", "ß", "一", "+", "&", "=", "|"),
)


@given(st.sampled_from(["http", "https", "HTTP"]), st.lists(st.sampled_from(PIECES), max_size=12))
def test_an_address_is_read_as_urllib3_reads_it_whether_anything_is_to_be_put_right_in_it_or_not(
    scheme: str, pieces: list[str]
) -> None:
    for url in (f"{scheme}://a.example.org{''.join(pieces)}", f"{scheme}://{''.join(pieces)}"):
        try:
            parts = parse_url(url)
        except LocationParseError:
            parts = Url()
        host, port = (parts.host or "").rstrip(".").lower(), parts.port or (443 if parts.scheme == "https" else 80)
        try:
            read = read_url(url, allow=frozenset({(host, port)}))
        except Refused:
            assert not host or parts.auth is not None
        else:
            named = host if port == (443 if parts.scheme == "https" else 80) else f"{host}:{port}"
            assert read.place == (host, port)
            assert read.url == f"{parts.scheme}://{named}{parts.request_uri}"
