"""Passwords are hashed with Argon2id, a few at a time."""

import asyncio

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from adapters.security.passwords import WAITING_MAX, Argon2Passwords
from domain.shared.errors import Overloaded


@pytest.fixture
def passwords() -> Argon2Passwords:
    return Argon2Passwords(passes=1, memory_kibibytes=8, lanes=1)


async def test_only_the_password_itself_is_right(passwords: Argon2Passwords) -> None:
    kept = await passwords.hash("the sluice opens at nine")
    assert (await passwords.check("the sluice opens at nine", kept)).is_right
    for wrong in ("", "the sluice opens at Nine", "the sluice opens at nine ", "\ud800"):
        assert not (await passwords.check(wrong, kept)).is_right
    assert await passwords.hash("the sluice opens at nine") != kept


async def test_without_a_hash_nothing_is_right_and_the_work_is_the_same(passwords: Argon2Passwords) -> None:
    """The hash that stands for nobody's has the same cost, and is compared with in the same way."""
    assert not (await passwords.check("the sluice opens at nine", None)).is_right
    assert Argon2Hasher.identify(passwords._of_nobody)
    assert not Argon2Hasher(1, 8, 1).check_needs_rehash(passwords._of_nobody)


async def test_the_figures_are_those_of_rfc_9106() -> None:
    assert (await Argon2Passwords().hash("x")).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_a_hash_with_other_figures_is_renewed(passwords: Argon2Passwords) -> None:
    kept = Argon2Hasher(2, 16, 1).hash("the sluice opens at nine")
    checked = await passwords.check("the sluice opens at nine", kept)
    assert checked.is_right
    assert checked.renewed is not None
    again = await passwords.check("the sluice opens at nine", checked.renewed)
    assert (again.is_right, again.renewed) == (True, None)


async def test_more_than_can_wait_are_told_to_try_again(passwords: Argon2Passwords) -> None:
    asked = [passwords.hash("x") for _ in range(WAITING_MAX + 5)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(each, Overloaded) for each in answers) == 5
    assert await passwords.hash("x")
