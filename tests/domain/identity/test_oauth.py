"""What an OAuth client may be, and where its codes may go."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.identity.oauth import (
    CLIENT_SECRET,
    IssuedRefreshToken,
    OAuthClient,
    OAuthGrant,
    checked_client,
    client_named,
    is_redirect_uri,
    wire_client_id,
)
from domain.identity.permission_words import words_of
from domain.identity.role import SCOPES
from domain.identity.secret_text import digest
from domain.shared.errors import ValidationFailed

NOW = datetime(2026, 11, 25, tzinfo=UTC)
CLIENT = OAuthClient(
    id="cli_01h2xcejqtf2nbrexx3vqjhp41",
    name="Expenses",
    redirect_uris=("https://expenses.example/callback", "http://127.0.0.1/callback", "http://[::1]:80/callback?a=1"),
    grant_types=("authorization_code", "refresh_token"),
    scopes=("accounts:read", "operator"),
    created_at=NOW,
)


@pytest.mark.parametrize(
    "uri",
    [
        "https://a.example",
        "https://a.example:8443/callback?x=1&y=%20",
        "https://xn--mller-kva.example/cb",
        "http://127.0.0.1:5000/cb",
        "http://[::1]/cb",
        "http://localhost:3000/cb",
    ],
)
def test_a_browser_may_be_sent_over_tls_or_to_this_same_machine(uri: str) -> None:
    assert is_redirect_uri(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "http://a.example/cb",
        "http://127.0.0.1.example/cb",
        "http://localhost.example/cb",
        "http://127.1/cb",
        "http://[::ffff:127.0.0.1]/cb",
        "https://a.example/cb#x",
        "https://a.example/cb#",
        "https://user@a.example/cb",
        "https://a.example\\@evil.example/cb",
        "https://a.example/ cb",
        "https://a.example/cb\n",
        "https://a.example/cb\t",
        "https://a.example/%zz",
        "https://müller.example/cb",
        "https://a.example:99999/cb",
        "https://a.example:0/cb",
        "https://[::g]/cb",
        "https:///cb",
        "https:a.example/cb",
        "//a.example/cb",
        "/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "com.example.app:/cb",
        "https://a.example/" + "x" * 1_000,
    ],
)
def test_a_browser_is_sent_nowhere_else(uri: str) -> None:
    assert not is_redirect_uri(uri)
    with pytest.raises(ValidationFailed):
        checked_client(replace(CLIENT, redirect_uris=(uri,)))


@pytest.mark.parametrize(
    ("uri", "is_one"),
    [
        ("https://expenses.example/callback", True),
        ("https://expenses.example:443/callback", False),
        ("https://expenses.example/callback/", False),
        ("http://127.0.0.1:1/callback", True),
        ("http://127.0.0.1:65535/callback", True),
        ("http://127.0.0.1:65536/callback", False),
        ("http://127.0.0.1:0/callback", False),
        ("http://127.0.0.1:1/callback?a=1", False),
        ("http://127.0.0.1:1/callback#a", False),
        ("http://127.0.0.1:1@evil.example/callback", False),
        ("http://127.0.0.1:/callback", False),
        ("http://127.0.0.1.evil.example/callback", False),
        ("http://localhost:1/callback", False),
        ("http://[::1]:7000/callback?a=1", True),
        ("http://[::1]:7000/callback?a=2", False),
        ("https://127.0.0.1:7000/callback", False),
    ],
)
def test_a_redirect_is_one_that_is_registered_but_for_the_port_of_a_loopback_address(uri: str, is_one: bool) -> None:
    assert CLIENT.redirects_to(uri) is is_one


@given(st.text(max_size=5), st.integers(0, len(CLIENT.redirect_uris[0])))
def test_whatever_is_put_into_a_redirect_makes_it_another(added: str, place: int) -> None:
    known = CLIENT.redirect_uris[0]
    assert CLIENT.redirects_to(known[:place] + added + known[place:]) is (added == "")


def test_scopes_asked_for_are_within_the_clients_own() -> None:
    assert CLIENT.allowed_scopes(()) == ("accounts:read", "operator")
    assert CLIENT.allowed_scopes(["transactions:post", "accounts:read", "accounts:read"]) == (
        "accounts:read",
        "transactions:post",
    ), "an operator may post"
    assert CLIENT.allowed_scopes(["accounts:read", "accounts:freeze"]) is None
    assert CLIENT.allowed_scopes(["accountant"]) is None
    assert CLIENT.allowed_scopes(["Operator"]) is None


def test_a_client_shows_its_own_secret() -> None:
    secret = CLIENT_SECRET.build(7, bytes(48))
    confidential = replace(CLIENT, secret_digest=digest(secret))
    assert confidential.is_confidential
    assert confidential.has_secret(secret)
    assert not confidential.has_secret(secret[:-1])
    assert not CLIENT.has_secret("")
    assert "secret_digest" not in repr(confidential)


@given(st.integers(1, 10**18 - 1))
def test_a_client_names_its_organisation(organisation_id: int) -> None:
    assert client_named(wire_client_id(CLIENT.id, organisation_id)) == (CLIENT.id, organisation_id)


@pytest.mark.parametrize("text", ["", CLIENT.id, f"{CLIENT.id}.0", f"{CLIENT.id}.01", f"{CLIENT.id}.1 ", "cli_x.1"])
def test_what_names_no_client_is_none(text: str) -> None:
    assert client_named(text) is None


@pytest.mark.parametrize(("day_of_family", "ends_on_day"), [(0, 30), (59, 89), (60, 90), (75, 90), (90, 90)])
def test_a_refresh_token_ends_with_its_family(day_of_family: int, ends_on_day: int) -> None:
    grant = OAuthGrant("gnt_x", CLIENT.id, "usr_x", ("operator",), NOW)
    issued = IssuedRefreshToken.issued(bytes(32), grant, NOW + timedelta(days=day_of_family), began_at=NOW)
    assert issued.expires_at == NOW + timedelta(days=ends_on_day)
    assert issued.began_at == NOW


def test_each_scope_is_told_in_words() -> None:
    assert words_of("operator").startswith("Act as operator: posts and holds")
    assert all(words_of(scope) for scope in SCOPES)
