"""Permissions, roles, and what they are called."""

import pytest

from domain.identity.permission_words import WORDS
from domain.identity.role import ACCOUNTANT, ADMIN, AUDITOR, OPERATOR, OWNER, checked_role
from domain.shared.access import PROTECTIVE, Grant, LedgerPattern, Permission, Principal, lowers
from domain.shared.errors import QuotaExceeded, ValidationFailed
from domain.shared.quotas import Quotas, StorageUsedUp


def test_every_permission_is_told_in_words() -> None:
    assert list(WORDS) == list(Permission)
    assert len(set(WORDS.values())) == len(WORDS)


def test_the_built_in_roles_lie_within_each_other_up_to_the_owner() -> None:
    assert OWNER.permissions == frozenset(Permission)
    assert OWNER.permissions - ADMIN.permissions == {Permission.OWNERS_CHANGE}
    assert OPERATOR.permissions < ACCOUNTANT.permissions < ADMIN.permissions
    assert all(permission.value.endswith(":read") for permission in AUDITOR.permissions)


def test_a_role_of_ones_own_has_another_name_than_the_built_in_ones() -> None:
    assert checked_role("my-role-1", "", ["reports:read"], 1).permissions == {Permission.REPORTS_READ}
    for name in ("owner", "auditor", "", "-a", "a-", "a_b", "A", "a" * 64):
        with pytest.raises(ValidationFailed):
            checked_role(name, "", ["reports:read"], 1)


def test_whose_storage_is_used_up_may_still_protect_itself() -> None:
    full = Principal(1, "key_1", writes_refused=StorageUsedUp(1_000, 999))
    refused = []
    for permission in Permission:
        try:
            full.require_writable(permission)
        except QuotaExceeded:
            refused.append(permission)
    assert frozenset(refused) | PROTECTIVE == frozenset(Permission)
    assert PROTECTIVE.isdisjoint(refused)
    assert {Permission.TRANSACTIONS_POST, Permission.HOLDS_RESOLVE, Permission.LEDGERS_CREATE} <= set(refused)
    assert {Permission.API_KEYS_CREATE, Permission.MEMBERS_INVITE, Permission.OAUTH_CLIENTS_CHANGE} <= set(refused)
    assert {Permission.ACCOUNTS_FREEZE, Permission.API_KEYS_REVOKE, Permission.MEMBERS_REMOVE} <= PROTECTIVE


def test_what_is_lowered_gives_nothing_and_takes_something() -> None:
    eu = Grant(OPERATOR.permissions, (LedgerPattern("eu-*"),))
    everywhere = Grant(OPERATOR.permissions)
    assert lowers((everywhere,), (eu,))
    assert lowers((Grant(ADMIN.permissions),), (everywhere,))
    assert lowers((eu,), ())
    assert not lowers((eu,), (eu,))
    assert not lowers((eu,), (everywhere,))
    assert not lowers((everywhere,), (eu, Grant(ADMIN.permissions, (LedgerPattern("eu-1"),))))


def test_a_quota_is_used_up_at_its_number() -> None:
    quotas = Quotas(ledgers=2, storage_bytes=1_000)
    quotas.require_another_ledger(1)
    quotas.require_another_api_key(10**9)
    with pytest.raises(QuotaExceeded, match="has 2 ledgers, and its quota is 2"):
        quotas.require_another_ledger(2)
    assert quotas.storage_exceeded(999) is None
    full = quotas.storage_exceeded(1_000)
    assert full is not None
    assert "hold 1,000 bytes, and its quota is 1,000" in full.refusal().detail
    assert full.refusal().facts == {"quota": "storage_bytes", "used": "1000", "limit": "1000"}
    assert Quotas.of(quotas.data()) == quotas
    assert Quotas.of({}) == Quotas()
    for wrong in (-1, 2**53):
        with pytest.raises(ValidationFailed):
            Quotas(api_keys=wrong)
    with pytest.raises(ValidationFailed):
        Quotas(requests_per_minute=0)
