"""The end of all that a person lets OAuth clients do, where someone else may have let them."""

from collections.abc import Sequence
from datetime import datetime

from application.identity.person_ports import PersonChanges
from application.shared.ports import Ids
from application.shared.recording import record_event
from domain.identity.oauth_events import OAuthGrantRevoked
from domain.shared.chain import Author


async def end_grants(
    changes: PersonChanges, ids: Ids, person_id: str, reason: str, *, author: Author, now: datetime
) -> Sequence[str]:
    """End the grants of a person in all organisations; return their ids, to be announced after the commit.

    It comes first in a unit of work: the logs of organisations are held before persons are. `reason` is one of those
    of `OAuthGrantRevoked`.
    """
    ended: list[str] = []
    for membership in await changes.memberships.of(person_id):
        async with changes.grants_in(membership.organisation_id) as grants:
            await grants.log.hold()
            for id, client in await grants.end_all_of(person_id, now):
                await record_event(grants.log, ids, OAuthGrantRevoked(id, client, reason), author, now)
                ended.append(id)
    return ended
