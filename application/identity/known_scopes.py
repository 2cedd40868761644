"""What stored scopes and permissions come to, also where a server of another version has stored them."""

import logging
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from domain.identity.role import SCOPES
from domain.shared.access import Permission

_NAMES_TOLD_MAX: Final = 1_000

_log = logging.getLogger("partita.access")


def known_permissions(scopes: Iterable[str]) -> frozenset[Permission]:
    """Return all that these scopes allow; one that this server does not know allows nothing, and is logged once.

    It is for what is stored: what a caller asks for is refused by `permissions_of` where it is unknown.
    """
    permissions: frozenset[Permission] = frozenset()
    for scope in scopes:
        if scope in SCOPES:
            permissions |= SCOPES[scope]
        else:
            _tell_once(scope)
    return permissions


@lru_cache(_NAMES_TOLD_MAX)
def _tell_once(scope: str) -> None:
    _log.warning("a permission or scope %a is stored, which this version does not know: it allows nothing here", scope)
