"""Answers to questions that are asked again and again: each is worked out once, and then kept for a while."""

import hmac
from collections.abc import Callable, Coroutine
from typing import Any, Final

from application.shared.ports import CACHED_BYTES_MAX, Cache, Sealing
from application.shared.single_flight import SingleFlight

KEPT_SECONDS: Final = 300


class Answers:
    """Gives answers that are kept, and has those that are not worked out once, however many ask at the same time.

    A question names all that its answer follows from, so that a kept answer is never out of date: what changes the
    answer changes the question. Who may ask it is to be decided before. What is kept is sealed for the question that it
    answers: whoever reads the cache learns nothing of it, and what they write there is no answer.
    """

    def __init__(self, cache: Cache, sealing: Sealing, secret: bytes, release: str) -> None:
        """`secret` is shared by the servers of a database; another `release` may answer the same question otherwise."""
        self._cache = cache
        self._sealing = sealing
        self._secret = secret
        self._release = release
        self._working: SingleFlight[bytes, bytes] = SingleFlight()

    def name(self, *question: object) -> bytes:
        """Return the 32 bytes that stand for the question, which tell nothing of it to who has not the secret.

        Its parts are plain values, and frozen dataclasses of these: what tells them apart is how they are written.
        """
        return hmac.digest(self._secret, repr((self._release, *question)).encode(), "sha256")

    async def get(self, name: bytes, work: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        """Return the answer to the question of that name, which `work` works out if it has to. Raises what that does.

        What fails is not kept.
        """
        return await self._working.once(name, lambda: self._kept_or_worked_out(name, work))

    async def _kept_or_worked_out(self, name: bytes, work: Callable[[], Coroutine[Any, Any, bytes]]) -> bytes:
        sealed = await self._cache.get(name)
        kept = None if sealed is None else self._sealing.open(sealed, name)
        if kept is not None:
            return kept
        answer = await work()
        if len(answer) < CACHED_BYTES_MAX:
            await self._cache.put(name, self._sealing.seal(answer, name), seconds=KEPT_SECONDS)
        return answer
