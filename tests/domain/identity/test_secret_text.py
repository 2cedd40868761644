"""Secrets as text: recognisable, mistyping is seen, and keys made long ago keep their form."""

from re import fullmatch
from zlib import crc32

import pytest

from domain.identity.api_key import API_KEY
from domain.identity.secret_text import SecretKind, digest
from domain.identity.session import SESSION_TOKEN
from domain.shared.errors import NotAuthenticated

INVITATION = SecretKind("pti", "invitation")
# Made by the version 0.1.0 from the bytes 1 to 48.
OLD_KEY = "ptk_7_otfJ4JJY61Q3L9hDWFDDk44wtbrz4Ze0a6aEn3"


def test_keys_of_the_first_version_are_still_keys() -> None:
    assert API_KEY.build(7, bytes(range(1, 49))) == OLD_KEY
    assert API_KEY.organisation_of(OLD_KEY) == 7
    assert API_KEY.hint(OLD_KEY) == "ptk_7_otfJ…"
    assert digest(OLD_KEY).hex() == "f58b98dce0672c2f8a61ebc037ed913d54b7c27a1d173638c84fc9e646b2d4cd"


def test_a_checksum_can_be_worked_out_by_who_finds_one() -> None:
    body, checksum = OLD_KEY[:-6], OLD_KEY[-6:]
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    # Base 62, the least digit first.
    assert sum(alphabet.index(character) * 62**place for place, character in enumerate(checksum)) == crc32(
        body.encode()
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        OLD_KEY[:-1],
        OLD_KEY + "0",
        OLD_KEY.replace("_7_", "_8_"),
        OLD_KEY.replace("_7_", "_07_"),
        OLD_KEY.replace("_7_", "_٧_"),
        OLD_KEY.replace("ptk_", "pti_"),
        OLD_KEY.swapcase(),
        OLD_KEY + "\n",
    ],
)
def test_what_is_no_key_is_told_from_one(text: str) -> None:
    with pytest.raises(NotAuthenticated, match="The API key is not one that Partita ever made"):
        API_KEY.organisation_of(text)


def test_each_kind_is_told_from_the_others() -> None:
    text = INVITATION.build(12, bytes(48))
    assert text.startswith(f"pti_12_{'0' * 32}")
    assert INVITATION.is_like(text)
    assert not API_KEY.is_like(text)
    assert INVITATION.organisation_of(text) == 12
    with pytest.raises(NotAuthenticated, match="The invitation is not one that Partita ever made"):
        INVITATION.organisation_of(OLD_KEY)


def test_what_is_of_a_person_names_no_organisation() -> None:
    text = SESSION_TOKEN.build(None, bytes(48))
    assert text[:36] == f"pts_{'0' * 32}"
    assert fullmatch(SESSION_TOKEN.form, text)
    assert len(text) == 42
    assert len(digest("\ud800")) == 32
