import pytest

from domain.shared.access import Grant, Permission, Principal
from domain.shared.errors import ErrorKind, PermissionDenied


@pytest.mark.parametrize("permission", list(Permission))
def test_a_permission_is_needed_and_no_other_serves(permission: Permission) -> None:
    Principal(1, "key_1", (Grant(frozenset({permission})),)).require(permission)
    with pytest.raises(PermissionDenied, match=permission.value) as refused:
        Principal(1, "key_1", (Grant(frozenset(set(Permission) - {permission})),)).require(permission)
    assert "key_1" in refused.value.detail
    assert refused.value.kind is ErrorKind.FORBIDDEN
