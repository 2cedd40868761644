"""Erase from where someone acted."""

from application.identity.ports import OriginChanges
from application.shared.ports import Clock, Ids, Work
from application.shared.recording import record_event
from domain.identity.events import OriginsErased
from domain.shared.access import Permission, Principal


async def erase_origins(
    work: Work[object, OriginChanges], clock: Clock, ids: Ids, principal: Principal, actor: str, *, request_id: str
) -> int:
    """Forget the addresses, user agents and credentials of all that `actor` (`usr_…`) has done in the organisation.

    What was done stays in the logs, whose chains hold. Return for how many runs of events something was known; where
    for none, nothing happens. Raises `PermissionDenied`.
    """
    async with work.begin(principal, Permission.ORGANISATION_CHANGE) as changes:
        erased = await changes.erase(actor)
        if erased:
            await record_event(changes.log, ids, OriginsErased(actor), principal.author(request_id), clock.now())
    return erased
