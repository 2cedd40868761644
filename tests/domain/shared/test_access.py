from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shared.access import EVERYWHERE, Grant, LedgerPattern, Permission, Principal
from domain.shared.errors import ErrorKind, PermissionDenied, ValidationFailed
from domain.shared.patterns import Pattern
from tests.strategies import PATTERNS

POST = Permission.TRANSACTIONS_POST
READ = Permission.ACCOUNTS_READ
NAMES = ["users", "a.b", "x"]
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=5).map(":".join)


def limited(
    *permissions: Permission, ledgers: Sequence[str] | None = None, accounts: Sequence[str] | None = None
) -> Grant:
    return Grant(
        frozenset(permissions),
        None if ledgers is None else tuple(map(LedgerPattern, ledgers)),
        None if accounts is None else tuple(map(Pattern, accounts)),
    )


def having(*grants: Grant) -> Principal:
    return Principal(1, "key_1", grants)


@pytest.mark.parametrize("permission", list(Permission))
def test_a_permission_is_needed_and_no_other_serves(permission: Permission) -> None:
    having(limited(permission)).require(permission)
    with pytest.raises(PermissionDenied, match=permission.value) as refused:
        having(limited(*set(Permission) - {permission})).require(permission)
    assert "key_1" in refused.value.detail
    assert refused.value.kind is ErrorKind.FORBIDDEN
    assert refused.value.facts == {"permission": permission.value}


def test_without_a_grant_nothing_is_allowed() -> None:
    for permission in Permission:
        with pytest.raises(PermissionDenied):
            having().require(permission, ledger="main", account="users:1")


def test_a_grant_of_some_ledgers_is_for_those_alone() -> None:
    who = having(limited(READ, ledgers=["main", "eu-*"]))
    for ledger in ("main", "eu-de", "eu-"):
        who.require(READ, ledger=ledger)
        assert who.reach(READ, ledger) is EVERYWHERE
    for ledger in ("mai", "main2", "eu", "us-eu-de"):
        with pytest.raises(PermissionDenied, match=r"main, eu-\*, and not to " + ledger):
            who.require(READ, ledger=ledger)
    with pytest.raises(PermissionDenied, match="this takes the whole organisation"):
        who.require(READ)


def test_a_grant_of_some_accounts_is_for_reads_of_one_of_them() -> None:
    who = having(limited(READ, accounts=["users:*:**", "fees"]))
    who.require(READ, ledger="main", account="users:42")
    who.require(READ, ledger="main", account="users:42:wallet")
    who.require(READ, ledger="other", account="fees")
    with pytest.raises(PermissionDenied, match=r"limited to users:\*:\*\*, fees, without assets:bank"):
        who.require(READ, ledger="main", account="assets:bank")
    with pytest.raises(PermissionDenied, match="this takes all accounts"):
        who.require(READ, ledger="main")
    with pytest.raises(PermissionDenied):
        who.require(READ)


def test_all_accounts_of_a_command_have_to_be_reached() -> None:
    reach = having(limited(POST, accounts=["users:*"])).reach(POST, "main")
    reach.require(["users:1", "users:2"])
    for paths in (["users:1", "fees"], ["fees"], []):
        with pytest.raises(PermissionDenied, match="transactions:post"):
            reach.require(paths)


def test_several_grants_add_up() -> None:
    who = having(
        limited(POST, ledgers=["eu-*"], accounts=["users:*"]),
        limited(POST, accounts=["fees"]),
        limited(POST, ledgers=["test"]),
    )
    who.reach(POST, "eu-de").require(["users:1", "fees"])
    who.reach(POST, "main").require(["fees"])
    with pytest.raises(PermissionDenied):
        who.reach(POST, "main").require(["users:1", "fees"])
    assert not who.reach(POST, "test").is_limited


def test_nobody_gives_what_it_does_not_have_as_widely() -> None:
    who = having(limited(POST, READ), limited(Permission.HOLDS_PLACE, ledgers=["eu-*"], accounts=["users:*:**"]))
    who.require_grantable([limited(POST), limited(READ, ledgers=["main"]), limited(READ, accounts=["a"])])
    who.require_grantable([limited(Permission.HOLDS_PLACE, ledgers=["eu-de"], accounts=["users:42:wallet"])])
    for too_much in (
        limited(POST, Permission.HOLDS_READ),
        limited(Permission.HOLDS_PLACE),
        limited(Permission.HOLDS_PLACE, ledgers=["eu-de"]),
        limited(Permission.HOLDS_PLACE, ledgers=["*"], accounts=["users:1"]),
        limited(Permission.HOLDS_PLACE, ledgers=["eu-de"], accounts=["users:**"]),
    ):
        with pytest.raises(PermissionDenied, match="cannot give to others"):
            who.require_grantable([too_much])


@pytest.mark.parametrize("text", ["", "Main", "-main", "ma*in", "*-eu", "**", "a b", "eu_*", "a" * 64, "é*"])
def test_what_matches_no_slug_is_no_ledger_pattern(text: str) -> None:
    with pytest.raises(ValidationFailed):
        LedgerPattern(text)


SLUGS = st.text("ab-", min_size=1, max_size=4).filter(lambda slug: not slug.startswith("-") and not slug.endswith("-"))
LEDGERS = SLUGS.map(LedgerPattern) | st.just(LedgerPattern("*")) | SLUGS.map(lambda slug: LedgerPattern(slug + "*"))


@given(LEDGERS, LEDGERS, SLUGS)
def test_a_ledger_pattern_that_covers_another_matches_all_that_it_matches(
    wide: LedgerPattern, narrow: LedgerPattern, slug: str
) -> None:
    if wide.covers(narrow) and narrow.matches(slug):
        assert wide.matches(slug)


@given(PATTERNS, PATTERNS, PATHS)
def test_a_pattern_that_covers_another_matches_all_that_it_matches(wide: Pattern, narrow: Pattern, path: str) -> None:
    if wide.covers(narrow) and narrow.matches(path):
        assert wide.matches(path)


@given(PATTERNS, PATHS)
def test_a_pattern_covers_itself_and_the_paths_that_it_matches(pattern: Pattern, path: str) -> None:
    assert pattern.covers(pattern)
    assert pattern.covers(Pattern(path)) == pattern.matches(path)
