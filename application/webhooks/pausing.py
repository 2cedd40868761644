"""Pausing endpoints that do not take what they get, and telling those who can do something about it."""

import logging
from typing import Final

from application.identity.letters import Letters
from application.identity.members import MemberKeeping
from application.identity.person_ports import Message
from application.identity.roles import RoleKeeping
from application.shared.pagination import PageRequest
from application.webhooks.operating import ACTOR, WebhookOperation
from domain.identity.role import grants_of
from domain.shared.access import Grant, Permission, Principal
from domain.shared.errors import NotFound
from domain.webhooks.endpoint import Endpoint, PauseReason, origin_of

# Of an organisation with more members than that, the others find it in the log.
MEMBERS_MAX: Final = 500
_LOOKING: Final = (Grant(frozenset({Permission.MEMBERS_READ, Permission.ROLES_READ})),)
_WHY: Final = {
    PauseReason.GONE: "has answered that it is gone for good (410)",
    PauseReason.FAILING: "has taken nothing for three days",
}

_log = logging.getLogger("partita.webhooks")


class WebhookPausing:
    """Pauses an endpoint by itself, which stands in the log of its organisation, and writes to its members."""

    def __init__(
        self, operation: WebhookOperation, members: MemberKeeping, roles: RoleKeeping, letters: Letters
    ) -> None:
        self._operation = operation
        self._members = members
        self._roles = roles
        self._letters = letters

    async def pause(self, organisation_id: int, endpoint: Endpoint, reason: PauseReason) -> None:
        """Pause an endpoint, unless it is paused already, or deleted. Raises `StoreUnavailable`, `CommitInDoubt`."""
        try:
            is_new = await self._operation.pause_by_itself(organisation_id, endpoint.id, reason)
        except NotFound:
            return
        if is_new:
            _log.warning("the webhook %s was paused: it %s", endpoint.id, _WHY[reason])
            await self._tell(organisation_id, endpoint, reason)

    async def _tell(self, organisation_id: int, endpoint: Endpoint, reason: PauseReason) -> None:
        """Write to members who may manage webhooks."""
        by_itself = Principal(organisation_id, ACTOR, _LOOKING)
        roles = {role.name: role for role in await self._roles.list(by_itself)}
        page = PageRequest("id", limit=MEMBERS_MAX)
        members = (await self._members.list(by_itself, page)).items
        for known in members:
            grants = grants_of(known.member.assignments, roles)
            if known.email is not None and any(Permission.WEBHOOKS_MANAGE in grant.permissions for grant in grants):
                self._letters.post(_message(known.email, endpoint, reason))


def _message(to: str, endpoint: Endpoint, reason: PauseReason) -> Message:
    described = f" ({endpoint.wanted.description[:200]})" if endpoint.wanted.description else ""
    return Message(
        to,
        "A webhook was paused",
        f"The webhook {endpoint.id} to {origin_of(endpoint.wanted.url)}{described} was paused: it {_WHY[reason]}.\n\n"
        f"No event is lost. Once it is resumed (POST /v1/webhooks/{endpoint.id}/resume), it gets what has happened "
        f"since. What was given up can be sent again, from any event on (POST /v1/webhooks/{endpoint.id}/replay).\n",
    )
