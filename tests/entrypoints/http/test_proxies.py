"""Where a request comes from: what proxies say is believed of those alone that are trusted."""

from collections.abc import Mapping
from ipaddress import ip_network

import pytest
from starlette.types import Scope

from entrypoints.http.addresses import Proxies

# A proxy at the edge, and one before the server.
PROXIES = Proxies([ip_network("192.0.2.0/24"), ip_network("2001:db8:ffff::/48"), ip_network("10.1.2.3")])


def scope(peer: str | None, headers: Mapping[str, str] | list[tuple[str, str]]) -> Scope:
    pairs = headers if isinstance(headers, list) else list(headers.items())
    return {
        "type": "http",
        "scheme": "http",
        "client": None if peer is None else (peer, 1),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in pairs],
    }


def origin(proxies: Proxies, peer: str | None, headers: Mapping[str, str] | list[tuple[str, str]]) -> tuple[str, str]:
    """The address and the scheme that a request is taken to come with."""
    given = scope(peer, headers)
    return proxies.read(given) or "", given["scheme"]


@pytest.mark.parametrize("peer", ["203.0.113.9", "192.0.3.1", "127.0.0.1"])
def test_nobody_else_is_believed(peer: str) -> None:
    forged = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https", "Forwarded": "for=198.51.100.1"}
    assert origin(PROXIES, peer, forged) == (peer, "http")
    assert origin(Proxies(), "192.0.2.1", forged) == ("192.0.2.1", "http"), "by default there are no proxies"


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("198.51.100.1, 192.0.2.7", "198.51.100.1"),
        ("127.0.0.1, 198.51.100.1, 10.1.2.3,192.0.2.7", "198.51.100.1"),  # the first was written by the client
        ("192.0.2.7", "192.0.2.7"),  # the edge itself asks
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::5]:443", "2001:db8::5"),
        ("2001:db8::5", "2001:db8::5"),
        ("2001:DB8:0::5", "2001:db8::5"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("198.51.100.1, nonsense", "192.0.2.1"),  # behind what cannot be read, nothing is believed
        ("198.51.100.1, unknown, 192.0.2.7", "192.0.2.7"),
        ("", "192.0.2.1"),
        (",", "192.0.2.1"),
        ("'; DROP TABLE", "192.0.2.1"),
        ("198.51.100.1, \xff", "192.0.2.1"),
    ],
)
def test_the_last_hop_that_is_no_proxy_is_the_client(forwarded: str, expected: str) -> None:
    assert origin(PROXIES, "192.0.2.1", {"X-Forwarded-For": forwarded})[0] == expected


def test_several_headers_are_one_list() -> None:
    headers = [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "10.1.2.3")]
    assert origin(PROXIES, "192.0.2.1", headers)[0] == "198.51.100.1"


@pytest.mark.parametrize(
    ("said", "scheme"),
    [("https", "https"), ("HTTPS", "https"), ("http", "http"), ("https, http", "http"), ("", "http")],
)
def test_a_proxy_says_whether_it_was_https(said: str, scheme: str) -> None:
    assert origin(PROXIES, "192.0.2.1", {"X-Forwarded-Proto": said})[1] == scheme


@pytest.mark.parametrize("peer", ["2001:db8:ffff::1", "::ffff:192.0.2.1"])
def test_a_proxy_may_connect_by_ipv6(peer: str) -> None:
    assert origin(PROXIES, peer, {"X-Forwarded-For": "198.51.100.1"})[0] == "198.51.100.1"


def test_an_ipv4_address_is_one_however_it_is_written() -> None:
    assert origin(Proxies(), "::ffff:198.51.100.1", {})[0] == "198.51.100.1"
    assert origin(Proxies(), "2001:db8::1", {})[0] == "2001:db8::1"


def test_who_has_no_address_has_none() -> None:
    assert origin(PROXIES, None, {"X-Forwarded-For": "198.51.100.1"})[0] == ""
