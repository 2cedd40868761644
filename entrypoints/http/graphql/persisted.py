"""Queries that are sent once and then asked for by their hash, as clients of Apollo's protocol do it.

They are kept where answers are, for some minutes: who asks for one that is not there sends it again.
"""

from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

from domain.shared.errors import DomainError, ErrorKind, ValidationFailed
from entrypoints.http.dependencies import Caller

_VERSION: Final = 1


class PersistedQueryNotFound(DomainError):
    """No query with this hash is kept here. Send the query itself along with its hash; then it is."""

    code = "persisted-query-not-found"
    kind = ErrorKind.MALFORMED
    title = "Send the query"


async def query_of(who: Caller, query: str | None, extensions: Mapping[str, Any]) -> str | None:
    """Return the query that is asked for, by itself or by the hash in `extensions`, under which it is then kept.

    Only the same organisation finds it. Raises `PersistedQueryNotFound`, `ValidationFailed`.
    """
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        return query
    digest = persisted.get("sha256Hash") if isinstance(persisted, dict) else None
    if not isinstance(digest, str) or persisted.get("version") != _VERSION:
        raise ValidationFailed("A persistedQuery has the version 1 and a sha256Hash.")
    answers = who.services.answers
    name = answers.name("persisted query", who.principal.organisation_id, digest)
    if query is None:

        async def miss() -> bytes:
            # Clients know it by these words.
            raise PersistedQueryNotFound("PersistedQueryNotFound. Send the query itself along with its hash.")

        return (await answers.get(name, miss)).decode()
    text = query.encode()
    if sha256(text).hexdigest() != digest.lower():
        raise ValidationFailed("The sha256Hash is not that of the query.")

    async def keep() -> bytes:
        return text

    with suppress(PersistedQueryNotFound):  # which someone else is told meanwhile
        await answers.get(name, keep)
    return query
