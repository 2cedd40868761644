"""What an endpoint can be set to."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from domain.shared.access import LedgerPattern
from domain.shared.errors import ValidationFailed
from domain.webhooks.endpoint import Sealed, Wanted, checked_overlap, checked_wanted, origin_of

NOW = datetime(2026, 11, 24, tzinfo=UTC)
TYPES = ("account.opened", "transaction.posted")


def checked(wanted: Wanted, *, takes_http: bool = False, networks: tuple[str, ...] = ()) -> Wanted:
    return checked_wanted(wanted, takes_http=takes_http, networks=tuple(map(ip_network, networks)), types=TYPES)


def blamed(wanted: Wanted, *, takes_http: bool = False) -> str:
    with pytest.raises(ValidationFailed) as refused:
        checked(wanted, takes_http=takes_http)
    return refused.value.blames[0].pointer


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:8443/hooks?a=1",
        "https://1.1.1.1/",
        "https://[2606:4700::1111]/",
        "https://xn--bcher-kva.example/",
    ],
)
def test_a_url_of_https_in_the_public_internet_can_be_called(url: str) -> None:
    assert checked(Wanted(url)).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com",
        "http://example.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "HTTP://example.com",
        "https://",
        "https:///path",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:a/",
        "https://ada@example.com/",
        "https://ada:secret@example.com/",
        "https://example.com/#part",
        "https://exa mple.com/",
        "https://example.com/\r\nHost: other",
        "https://example.com\\@127.0.0.1/",
        "https://bücher.example/",
        "https://[::1/",
        "https://127.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[fe80::1%25eth0]/",
        "https://example.com/" + "a" * 2_000,
    ],
)
def test_no_other_can(url: str) -> None:
    assert blamed(Wanted(url)) == "/url"


def test_whoever_runs_the_server_may_allow_http_and_networks() -> None:
    assert checked(Wanted("http://example.com"), takes_http=True).url == "http://example.com"
    assert checked(Wanted("https://10.0.0.1"), networks=("10.0.0.0/8",)).url == "https://10.0.0.1"
    assert blamed(Wanted("ftp://example.com"), takes_http=True) == "/url"


def test_filters_are_checked() -> None:
    url = "https://example.com"
    assert checked(Wanted(url, types=("account.opened", "account.opened"))).types == ("account.opened",)
    assert blamed(Wanted(url, types=("account.opened", "a.b"))) == "/types/1"
    assert blamed(Wanted(url, ledgers=())) == "/ledgers"
    assert blamed(Wanted(url, ledgers=tuple(LedgerPattern(f"l{number}") for number in range(21)))) == "/ledgers"
    assert blamed(Wanted(url, description="a" * 1_001)) == "/description"


def test_it_is_of_all_ledgers_or_of_some() -> None:
    assert Wanted("").is_of_ledger("any")
    some = Wanted("", ledgers=(LedgerPattern("main"), LedgerPattern("eu-*")))
    assert [some.is_of_ledger(slug) for slug in ("main", "eu-1", "us-1")] == [True, True, False]


def test_of_its_url_a_log_holds_only_where_it_leads() -> None:
    assert origin_of("https://example.com:8443/hooks/secret?token=1") == "https://example.com:8443"
    assert "secret" not in str(Wanted("https://example.com/secret").data())


def test_the_secret_before_is_used_until_the_overlap_ends() -> None:
    sealed = Sealed(b"new", b"old", NOW)
    assert sealed.in_use(NOW - timedelta(seconds=1)) == (b"new", b"old")
    assert sealed.in_use(NOW) == (b"new",)
    assert Sealed(b"new").in_use(NOW) == (b"new",)


def test_an_overlap_is_up_to_90_days() -> None:
    assert checked_overlap(timedelta(days=90)) == timedelta(days=90)
    for overlap in (timedelta(days=91), timedelta(seconds=-1)):
        with pytest.raises(ValidationFailed):
            checked_overlap(overlap)
