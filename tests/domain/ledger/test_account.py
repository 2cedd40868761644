import unicodedata
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.account import AccountType
from domain.shared.errors import ValidationFailed
from domain.shared.paths import checked_path


@pytest.mark.parametrize(
    "path",
    [
        "assets",
        "users:42:wallet",
        "a",
        "1",
        "A-b_c.d",
        ".hidden",
        "v1..2",
        "a:b:c:d:e:f:g:h",
        "_:-",
        "m\u00fcller:konto",  # é and ü as single characters
        "\u05d7\u05e9\u05d1\u05d5\u05df:\u05e8\u05d0\u05e9\u05d9",  # Hebrew
        "\u03bb\u03bf\u03b3\u03b1\u03c1\u03b9\u03b1\u03c3\u03bc\u03cc\u03c2",  # Greek
        "\u8cc7\u7523:\u73fe\u91d1",  # Chinese
        "\u0661\u0662",  # Arabic-Indic digits are digits
        "\U00020000",  # a letter beyond the first plane
        "x" * 255,
        "\u00fc" * 255,
    ],
    ids=lambda path: ascii(path[:20]),
)
def test_a_path_of_letters_digits_and_the_three_signs_names_an_account(path: str) -> None:
    assert checked_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        ":",
        "a:",
        ":a",
        "a::b",
        " ",
        "a b",
        " a",
        "a ",
        "a\n",
        "a\x00b",
        "a\x7f",
        "a\x85",
        "a\u00a0b",  # no-break space
        "a/b",
        "a*b",
        "*",
        "a:**",
        "a%",
        "a'b",
        'a"b',
        "a\\b",
        "€",
        "\u200f" + "a",  # right-to-left mark
        "a\u202eb",  # right-to-left override
        "a\u200bb",  # zero-width space
        "a\u200db",  # zero-width joiner
        "\ufeff",
        "\U0001f600",  # emoji
        "u\u0308",  # u and a combining diaeresis: NFD
        "\u0301",  # a combining mark alone
        "\u0915\u093e",  # a letter with a combining vowel sign
        "\u212b",  # ångström sign: its normal form is another letter
        "\u1112\u1161",  # Hangul in parts
        "\u2167",  # a Roman numeral, of category Nl
        "\u00bd",
        ".",
        "..",
        "a:..:b",
        "...:a",
        "\ud800",
        "x" * 256,
        "\u00fc" * 256,
        "a:" * 128,
        "x" * 1_000_000,
    ],
    ids=lambda path: ascii(path[:20]),
)
def test_anything_else_names_none(path: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        checked_path(path, "/entries/0/account")
    assert [blame.pointer for blame in refused.value.blames] == ["/entries/0/account"]
    assert refused.value.detail.isascii() or "…" in refused.value.detail
    assert len(refused.value.detail) < 800


def test_case_matters() -> None:
    assert checked_path("Users:A") != checked_path("users:a")


SEGMENTS = st.text(st.characters(categories=["L", "Nd"], include_characters="_-."), min_size=1, max_size=12).map(
    lambda segment: unicodedata.normalize("NFC", segment)
)


def may_stand(segment: str) -> bool:
    # Normalising may turn a letter into a letter with a mark of its own.
    return all(unicodedata.category(character) in ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd") or character in "_-."
               for character in segment) and set(segment) != {"."}  # fmt: skip


@given(st.lists(SEGMENTS.filter(may_stand), min_size=1, max_size=8))
def test_every_path_made_by_the_rules_names_an_account(segments: list[str]) -> None:
    path = ":".join(segments)
    assert checked_path(path) == path


@given(st.text(max_size=30))
def test_no_path_is_changed_on_the_way(path: str) -> None:
    with suppress(ValidationFailed):
        assert checked_path(path) is path


def test_assets_and_expenses_grow_by_debits_and_the_others_by_credits() -> None:
    assert {account_type: account_type.is_debit_normal for account_type in AccountType} == {
        AccountType.ASSET: True,
        AccountType.EXPENSE: True,
        AccountType.LIABILITY: False,
        AccountType.EQUITY: False,
        AccountType.INCOME: False,
    }
