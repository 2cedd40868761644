"""Where a request comes from: what proxies say of it is believed of those alone that are known to be ours."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from starlette.types import Scope

_FOR: Final = b"x-forwarded-for"
_PROTOCOL: Final = b"x-forwarded-proto"
_REMEMBERED_MAX: Final = 10_000


class Proxies:
    """The proxies that are trusted, by their networks. Without any, a request comes from whoever has connected."""

    def __init__(self, networks: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._networks = tuple(networks)
        self._trusted: dict[str, bool] = {}

    def read(self, scope: Scope) -> str | None:
        """Return the IP address that the request came from; where a proxy says so, it is one of https from now on.

        The address is the last one that `X-Forwarded-For` names and that is none of the proxies: whatever stands
        before it, anyone may have written.
        """
        client: tuple[str, int] | None = scope.get("client")
        if client is None:
            return None
        peer = client[0]
        if self._networks and self._trusts(peer):
            return self._forwarded(scope, peer)
        return peer if ":" not in peer else _plain(peer)

    def _forwarded(self, scope: Scope, peer: str) -> str:
        hops: list[str] = []
        for name, value in scope["headers"]:
            if name == _FOR:
                hops += str(value, "latin-1").split(",")
            elif name == _PROTOCOL:
                scope["scheme"] = "https" if value.rpartition(b",")[2].strip().lower() == b"https" else "http"
        address = peer
        for hop in reversed(hops):
            found = _parsed(_without_port(hop.strip()))
            if found is None:
                break
            address = str(found)
            if not self._trusts(address):
                break
        return _plain(address)

    def _trusts(self, address: str) -> bool:
        trusted = self._trusted.get(address)
        if trusted is None:
            parsed = _parsed(address)
            trusted = parsed is not None and any(parsed in network for network in self._networks)
            if len(self._trusted) >= _REMEMBERED_MAX:
                self._trusted.clear()
            self._trusted[address] = trusted
        return trusted


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """Return the address; an IPv4 address that is written as one of IPv6 is one of IPv4."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed


def _plain(address: str) -> str:
    return str(_parsed(address) or address)
