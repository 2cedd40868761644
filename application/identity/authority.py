"""What whoever has asked for something may do now, long after the request in which that was."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from application.identity.allowances import Allowances
from application.identity.known_scopes import known_permissions
from application.identity.ports import IdentityChanges, IdentityReads
from application.identity.token_ports import AccessClaims, Standings
from application.shared.ports import Clock, Work
from domain.shared.access import Grant, Permission, Principal
from domain.shared.chain import Origin
from domain.shared.errors import NotAuthenticated

EXTENSIONS: Final = "system:x:"
"""How those are called that extensions act as."""


@dataclass(frozen=True, slots=True)
class CurrentAuthority:
    """Looks up what a credential is still good for, by its id: a key, a session or an OAuth grant.

    An extension that acts by itself needs none: what its jobs may do, whoever runs the server has decided.
    """

    work: Work[IdentityReads, IdentityChanges]
    standings: Standings
    allowances: Allowances
    clock: Clock

    async def principal(
        self, organisation_id: int, actor: str, credential: str, permissions: frozenset[Permission], *, since: datetime
    ) -> Principal:
        """Return who acts, with as much of these permissions as the credential is still good for.

        A session that has expired since then (UTC) counts; one that was ended does not. Raises `NotAuthenticated`,
        `StoreUnavailable`.
        """
        if credential.startswith("key_"):
            grants = await self._of_key(organisation_id, credential)
        elif credential.startswith(("ses_", "gnt_")):
            grants = await self.standings.grants(
                AccessClaims(actor, credential, organisation_id, None, issued_at=since, expires_at=since)
            )
        elif credential.startswith(EXTENSIONS):
            grants = (Grant(permissions),)
        else:
            raise NotAuthenticated(f"{credential!a} is nothing that a job can be run in the name of.")
        allowance = await self.allowances.of(organisation_id)
        return Principal(
            organisation_id,
            actor,
            tuple([grant.within(permissions) for grant in grants]),
            credential,
            allowance.writes_refused,
            Origin(credential),
        )

    async def _of_key(self, organisation_id: int, id: str) -> tuple[Grant, ...]:
        asking = Principal(organisation_id, id, (Grant(frozenset({Permission.API_KEYS_READ})),))
        async with self.work.read(asking, Permission.API_KEYS_READ) as reads:
            key = await reads.api_key(id)
        if key is None or key.revoked_at is not None:
            raise NotAuthenticated(f"The API key {id} was revoked.")
        if key.expires_at is not None and key.expires_at <= self.clock.now():
            raise NotAuthenticated(f"The API key {id} has expired.")
        return (Grant(known_permissions(key.scopes), key.ledgers, key.accounts),)
