"""The list of common passwords."""

import pytest

from adapters.security.common_passwords import CommonPasswords
from domain.identity.person import WeakPassword, require_good_password

COMMON = CommonPasswords()


@pytest.mark.parametrize(
    "password",
    [
        *("password1234", "Passw0rd!!!!", "SunShine-2026", "iloveyouiloveyou", "qwertyqwerty", "!!Superman!!"),
        *("trustno1-2026", "1qazxsw23edc", "finalfantasy", "Sonyericsson", "adminadminadmin"),
    ],
)
def test_what_leaked_most_often_is_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        require_good_password(password, "ada@example.com", COMMON)


@pytest.mark.parametrize(
    "password", ["the sluice opens at nine", "correct horse battery staple", "x9$kQ2vL!0aZ", "839201748362"]
)
def test_others_are_not(password: str) -> None:
    require_good_password(password, "ada@example.com", COMMON)
