"""Create an organisation."""

from typing import Final

from application.identity.ports import Organisations
from application.shared.ports import Clock, Ids
from domain.shared.access import Principal
from domain.shared.chain import Author
from domain.shared.text import checked_name

NAME_LENGTH_MAX: Final = 255


async def create_organisation(
    organisations: Organisations, clock: Clock, ids: Ids, name: str, *, author: Author
) -> Principal:
    """Create an organisation, and return a principal who may do everything in it. Raises `ValidationFailed`."""
    checked_organisation_name(name)
    organisation_id = await organisations.create(name, event_id=ids.new("evt"), author=author, now=clock.now())
    return Principal(organisation_id, author.actor, origin=author.origin)


def checked_organisation_name(name: str) -> str:
    """Return the name, if an organisation can be called so. Raises `ValidationFailed`."""
    return checked_name(name, what="The name", length_max=NAME_LENGTH_MAX, pointer="/name")
