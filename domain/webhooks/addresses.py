"""Which addresses events may be sent to: those of the public internet, and no other network that a server may reach.

The ranges are those of the IANA registries of special-purpose addresses (RFC 6890), and the one public address at which
a cloud provider serves what is the machine's own.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_FORBIDDEN_V4: Final = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carriers' NAT; metadata of a cloud provider
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # a cloud provider's own services for the machine
            "169.254.0.0/16",  # link-local; metadata of most cloud providers
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocols; metadata of a cloud provider
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # relays of 6to4
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # measurements
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved; broadcast
        ),
    )
)
# Of IPv6, only this is the public internet: loopback, link-local, unique local and multicast addresses lie elsewhere.
_PUBLIC_V6: Final = IPv6Network("2000::/3")
_FORBIDDEN_V6: Final = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocols: Teredo, measurements, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which embeds any IPv4 address
            "3fff::/20",  # documentation
        ),
    )
)
# What reaches an IPv4 address, whose bits are its last 32: it is judged as that one.
_EMBEDDING: Final = (IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))


def literal_address(host: str) -> Address | None:
    """Return the address that the host of a URL is written as, or None where it is a name."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None


def may_be_reached(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Return whether events may be sent there: to the public internet, and to the networks that are allowed besides."""
    if any(address in network for network in allowed if network.version == address.version):
        return True
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _FORBIDDEN_V4)
    if any(address in network for network in _EMBEDDING):
        return may_be_reached(IPv4Address(int(address) & 0xFFFF_FFFF), allowed)
    return address in _PUBLIC_V6 and not any(address in network for network in _FORBIDDEN_V6)
