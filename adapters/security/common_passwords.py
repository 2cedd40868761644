"""Passwords that many people have had: those that leaked most often, from the list that comes with zxcvbn."""

from collections.abc import Container
from functools import cache


class CommonPasswords(Container[str]):
    """The 30,000 commonest, in lower case; they are read when the first one is asked for."""

    def __contains__(self, password: object) -> bool:
        return password in _listed()


@cache
def _listed() -> frozenset[str]:
    # It takes some megabytes, which most commands can do without.
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])
