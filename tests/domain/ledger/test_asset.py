import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.asset import (
    AMOUNT_MAX,
    SCALE_MAX,
    Asset,
    TooManyDecimals,
    amounts_of,
    checked_asset_code,
    checked_scale,
    format_amount,
    parse_amount,
    standard_asset,
)
from domain.ledger.iso_4217 import MINOR_UNITS
from domain.shared.errors import ValidationFailed
from tests.builders import EUR, JPY

SCALES = st.integers(0, SCALE_MAX)


@given(st.integers(1, AMOUNT_MAX), SCALES)
def test_an_amount_comes_back_as_it_was_written_at_every_scale(minor: int, scale: int) -> None:
    assert parse_amount(format_amount(minor, scale), Asset("X", scale)) == minor


@given(st.integers(0, 10**12), st.integers(0, SCALE_MAX), st.data())
def test_an_amount_means_what_its_digits_say(whole: int, scale: int, data: st.DataObject) -> None:
    decimals = data.draw(st.text("0123456789", min_size=1, max_size=scale)) if scale else ""
    expected = whole * 10**scale + (int(decimals) * 10 ** (scale - len(decimals)) if decimals else 0)
    text = f"{whole}.{decimals}" if decimals else str(whole)
    if 0 < expected <= AMOUNT_MAX:
        assert parse_amount(text, Asset("X", scale)) == expected
    else:
        with pytest.raises(ValidationFailed):
            parse_amount(text, Asset("X", scale))


@pytest.mark.parametrize(
    ("text", "scale", "minor"),
    [
        ("12.50", 2, 1250),
        ("12.5", 2, 1250),
        ("12", 2, 1200),
        ("0.01", 2, 1),
        ("007.10", 2, 710),
        ("100", 0, 100),
        ("0.00000001", 8, 1),
        ("21000000", 8, 2_100_000_000_000_000),
        ("0.000000000000000000000000000001", 30, 1),
        ("1", 30, 10**30),
        ("1000000000000000000000000000000", 0, 10**30),
        ("10000000000000000000000000000.00", 2, 10**30),
        ("90071992547409.93", 2, 9_007_199_254_740_993),  # 2^53 + 1, which no float holds
    ],
)
def test_an_amount_is_read_exactly(text: str, scale: int, minor: int) -> None:
    assert parse_amount(text, Asset("X", scale)) == minor


@pytest.mark.parametrize(
    "text",
    [
        "", " ", ".", ".5", "5.", "1..2", "1.2.3", "-1", "+1", "-0", "\u22121", "1e3", "1E3", "1e-2", "NaN", "nan",
        "Infinity", "inf", "1,000.00", "1 000", "1_000", "1'000", "0x10", "0b1", " 1", "1 ", "1\n", "\t1", "1\x00",
        "\u0661\u0662", "\uff11\uff12", "\u0967", "\U0001d7d9", "1.\u0665", "1\u066b5", "1\u00a0000", "\u00b2",
        "EUR 1", "1€", "one", "1/2", "(1)", "1%", "--1", "true", "null", "1" * 65, "1." + "1" * 65, "9" * 5_000,
        "1" + "0" * 40,
    ],
    ids=lambda text: ascii(text[:20]),
)  # fmt: skip
def test_what_is_not_digits_with_at_most_one_point_between_them_is_no_amount(text: str) -> None:
    for scale in (0, 2, SCALE_MAX):
        with pytest.raises(ValidationFailed) as refused:
            parse_amount(text, Asset("X", scale), pointer="/amount")
        assert [blame.pointer for blame in refused.value.blames] == ["/amount"]
        assert len(refused.value.detail) < 250


@pytest.mark.parametrize("text", ["0", "0.0", "0.00", "000", "00.00"])
def test_nothing_is_no_amount(text: str) -> None:
    with pytest.raises(ValidationFailed, match="more than nothing"):
        parse_amount(text, EUR)


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("1000000000000000000000000000001", 0),
        ("10000000000000000000000000000.01", 2),
        ("1.000000000000000000000000000001", 30),
        ("9" * 64, 0),
        ("1" + "0" * 40, 0),
    ],
)
def test_more_than_ten_to_the_thirty_minor_units_are_no_amount(text: str, scale: int) -> None:
    with pytest.raises(ValidationFailed, match=r"10\^30"):
        parse_amount(text, Asset("X", scale))


@pytest.mark.parametrize(
    ("text", "asset"),
    [("0.001", EUR), ("1.000", EUR), ("1.0", JPY), ("0.0", JPY), ("1." + "0" * 31, Asset("X", 30))],
)
def test_more_decimals_than_the_asset_has_are_refused_even_zeros(text: str, asset: Asset) -> None:
    with pytest.raises(TooManyDecimals) as refused:
        parse_amount(text, asset, pointer="/amount")
    assert refused.value.blames[0].pointer == "/amount"


@pytest.mark.parametrize(
    ("minor", "scale", "text"),
    [
        (1250, 2, "12.50"),
        (-5, 2, "-0.05"),
        (5, 2, "0.05"),
        (0, 2, "0.00"),
        (0, 0, "0"),
        (-7, 0, "-7"),
        (100, 2, "1.00"),
        (-123456, 3, "-123.456"),
        (1, 30, "0.000000000000000000000000000001"),
        (10**30, 30, "1.000000000000000000000000000000"),
    ],
)
def test_an_amount_is_written_with_all_its_digits(minor: int, scale: int, text: str) -> None:
    assert format_amount(minor, scale) == text


@pytest.mark.parametrize("code", ["E", "EUR", "BTC", "7UP", "USD-C", "A.B_C-D", "X" * 32, "0"])
def test_a_code_can_name_an_asset(code: str) -> None:
    assert checked_asset_code(code) == code


@pytest.mark.parametrize(
    "code",
    [
        "",
        "eur",
        "Eur",
        "-A",
        ".A",
        "_A",
        "A B",
        "A:B",
        "A/B",
        "€",
        "É",
        "X" * 33,
        "EUR\n",
        "\nEUR",
        "EUR\x00",
        "Ａ",
        "٣",
    ],
    ids=ascii,
)
def test_anything_else_cannot_name_an_asset(code: str) -> None:
    with pytest.raises(ValidationFailed) as refused:
        checked_asset_code(code, pointer="/asset")
    assert refused.value.blames[0].pointer == "/asset"


def test_a_scale_is_from_nought_to_thirty() -> None:
    assert [checked_scale(scale) for scale in (0, 2, 30)] == [0, 2, 30]
    for scale in (-1, 31):
        with pytest.raises(ValidationFailed) as refused:
            checked_scale(scale)
        assert refused.value.blames[0].pointer == "/scale"


@pytest.mark.parametrize(
    ("code", "scale"),
    # From ISO 4217, list one.
    [
        ("EUR", 2), ("USD", 2), ("GBP", 2), ("CHF", 2), ("INR", 2), ("HUF", 2), ("MGA", 2), ("MRU", 2), ("XAD", 2),
        ("XCG", 2), ("ZWG", 2), ("VED", 2), ("SLE", 2),
        ("JPY", 0), ("KRW", 0), ("ISK", 0), ("CLP", 0), ("VND", 0), ("UGX", 0), ("XOF", 0), ("UYI", 0), ("PYG", 0),
        ("BHD", 3), ("KWD", 3), ("TND", 3), ("IQD", 3), ("JOD", 3), ("LYD", 3), ("OMR", 3),
        ("CLF", 4), ("UYW", 4),
    ],
)  # fmt: skip
def test_a_currency_has_the_scale_of_iso_4217(code: str, scale: int) -> None:
    assert standard_asset(code) == Asset(code, scale, version=1)


@pytest.mark.parametrize("code", ["XAU", "XTS", "XXX", "DEM", "HRK", "BGN", "ANG", "SLL", "BTC", "POINTS", "eur", ""])
def test_metals_old_currencies_and_inventions_have_no_scale_of_their_own(code: str) -> None:
    assert standard_asset(code) is None


def test_all_165_currencies_with_minor_units_are_known() -> None:
    # List one has 178 codes, of which 13 (metals, bond units, XDR, XSU, XTS, XUA, XXX) have no minor units.
    assert len(MINOR_UNITS) == 165
    assert all(len(code) == 3 and code.isascii() and code.isupper() for code in MINOR_UNITS)


@pytest.mark.parametrize(
    ("minor", "amounts"),
    [
        (0, []),
        (5, [5]),
        (10**30, [10**30]),
        (10**30 + 1, [10**30, 1]),
        (3 * 10**30, [10**30, 10**30, 10**30]),
    ],
)
def test_what_is_more_than_one_amount_can_be_comes_in_several(minor: int, amounts: list[int]) -> None:
    assert list(amounts_of(minor)) == amounts
