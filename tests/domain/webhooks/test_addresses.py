"""Which addresses may be reached."""

from ipaddress import ip_address, ip_network

import pytest

from domain.webhooks.addresses import literal_address, may_be_reached

PUBLIC = ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1"]
FORBIDDEN = [
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",  # metadata of a cloud provider
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # of a cloud provider
    "169.254.169.254",  # metadata of most cloud providers
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",  # metadata of a cloud provider
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata of a cloud provider
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_the_public_internet_may_be_reached(address: str) -> None:
    assert may_be_reached(ip_address(address))


@pytest.mark.parametrize("address", FORBIDDEN)
def test_no_other_network_may(address: str) -> None:
    assert not may_be_reached(ip_address(address))


def test_what_embeds_an_address_is_judged_as_that_one() -> None:
    assert may_be_reached(ip_address("::ffff:1.1.1.1"))
    assert may_be_reached(ip_address("64:ff9b::101:101"))


def test_networks_may_be_allowed_besides() -> None:
    allowed = (ip_network("10.1.0.0/16"), ip_network("fd00::/8"))
    assert may_be_reached(ip_address("10.1.2.3"), allowed)
    assert may_be_reached(ip_address("::ffff:10.1.2.3"), allowed)
    assert may_be_reached(ip_address("fd00::1"), allowed)
    assert not may_be_reached(ip_address("10.2.0.1"), allowed)
    assert not may_be_reached(ip_address("::1"), allowed)


def test_the_host_of_a_url_is_an_address_or_a_name() -> None:
    assert literal_address("127.0.0.1") == ip_address("127.0.0.1")
    assert literal_address("[::1]") == ip_address("::1")
    assert literal_address("example.com") is None
    # What else some programs take for an address is a name here, and is looked up: then the answer is judged.
    assert literal_address("2130706433") is None
    assert literal_address("0x7f.1") is None
    assert literal_address("127.1") is None
