"""The end of a person: what tells who it was is removed, and its id stays in the logs of what it did."""

from dataclasses import dataclass

from application.identity.person_ports import Leaving, PersonWork
from application.identity.ports import Revocations
from application.identity.refusals import StillMember
from application.shared.ports import Clock
from domain.shared.chain import Author


@dataclass(frozen=True, slots=True)
class Erasure:
    """How persons are erased, by themselves or by who runs the server."""

    work: PersonWork
    leaving: Leaving
    revocations: Revocations
    clock: Clock

    async def erase(self, person_id: str, *, author: Author) -> None:
        """Have a person leave its organisations, as the author, and remove all that tells who it was.

        Invitations that other organisations have sent to its address go, too. A person that was erased before stays as
        it is. Raises `LastOwner`, which names the organisations that would have no owner, and `StillMember`.
        """
        await self.leaving.leave_all(person_id, author=author)
        now = self.clock.now()
        async with self.work.begin() as changes:
            held = await changes.people.by_id(person_id)
            if held is None or held.erased_at is not None:
                return
            if await changes.memberships.of(person_id):
                raise StillMember(f"{person_id} is still a member of an organisation: leave it first.")
            if held.email is not None:
                await changes.memberships.forget_invitations(held.email)
            await changes.people.change(held.erased(now))
            await changes.identities.forget(person_id)
            await changes.sessions.forget(person_id)
            await changes.mailed_tokens.forget(person_id)
            await changes.log.forget(person_id)
        await self.revocations.announce(person_id)
