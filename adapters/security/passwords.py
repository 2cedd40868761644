"""Passwords, hashed with Argon2id."""

import asyncio
import os
import secrets
from base64 import b64encode
from collections.abc import Callable
from typing import Final, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from application.identity.person_ports import CheckedPassword
from domain.shared.errors import Overloaded

# RFC 9106, second recommendation: three passes over 64 MiB, in four lanes; most of a tenth of a second.
PASSES: Final = 3
MEMORY_KIBIBYTES: Final = 65_536
LANES: Final = 4
WAITING_MAX: Final = 64

Result = TypeVar("Result")


class Argon2Passwords:
    """Hashes in threads, no more at a time than there are processors: each takes memory, and all of a processor.

    When 64 wait, who comes next is told to try again.
    """

    def __init__(self, *, passes: int = PASSES, memory_kibibytes: int = MEMORY_KIBIBYTES, lanes: int = LANES) -> None:
        """Take the figures of Argon2; lower ones are for tests."""
        self._hasher = PasswordHash((Argon2Hasher(time_cost=passes, memory_cost=memory_kibibytes, parallelism=lanes),))
        self._turns = asyncio.Semaphore(max(1, os.cpu_count() or 1))
        self._asked = 0
        # Of a password that nobody knows: to compare with it takes as long as with any other.
        self._of_nobody = f"$argon2id$v=19$m={memory_kibibytes},t={passes},p={lanes}${_random(16)}${_random(32)}"

    async def hash(self, password: str) -> str:
        return await self._in_turn(lambda: self._hasher.hash(_bytes(password)))

    async def check(self, password: str, kept: str | None) -> CheckedPassword:
        is_right, renewed = await self._in_turn(
            lambda: self._hasher.verify_and_update(_bytes(password), kept or self._of_nobody)
        )
        return CheckedPassword(is_right and kept is not None, renewed)

    async def _in_turn(self, work: Callable[[], Result]) -> Result:
        if self._asked >= WAITING_MAX:
            raise Overloaded("Too many passwords are being checked: try again in a moment.")
        self._asked += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._asked -= 1


def _bytes(password: str) -> bytes:
    # Half of a surrogate pair, which JSON can carry, is a password like any other that is wrong.
    return password.encode(errors="surrogatepass")


def _random(length: int) -> str:
    return b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
