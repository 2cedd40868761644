"""Journals in the styles of their programs, and the balances that these programs find in them."""

from decimal import Decimal

import pytest

from tests.adapters.foreign_files.found import gather
from tests.adapters.foreign_files.programs_say import ASKED, FILES, kept, said_by_program
from tests.books.other_programs import require

FORMATS = {"hledger": "hledger", "ledger": "ledger", "bean-check": "beancount"}
# What other programs call otherwise.
CODES = {"$": "USD", "€": "EUR", "AB 12": "AB-12"}
# Prices that do not multiply out, by account and asset: what is here is that much more.
ROUNDED = {
    "household.journal": {
        # 3 × 1.333 and 5 × 1.111 are 4.00 and 5.56, and 9.55 is paid.
        ("equity:conversion:FUND-USD:USD", "USD"): Decimal("0.006"),
        ("equity:rounding", "USD"): Decimal("-0.01"),
    },
    # 10 × 1.3333 are 13.333, of which beancount lets 0.003 be; the dollar has three digits there.
    "beancount_style.beancount": {("equity:rounding", "USD"): Decimal("-0.003")},
}


@pytest.mark.parametrize("name", ASKED)
def test_a_journal_comes_to_what_its_program_says(name: str) -> None:
    found = gather((FILES / name).read_bytes(), FORMATS[ASKED[name]])
    assert (found.unreadable, found.failed) == ([], [])
    names = {each.metadata.get("name", path): path for path, each in found.accounts.items()}
    expected: dict[tuple[str, str], Decimal] = {}
    for (account, commodity), balance in kept(name).items():
        code = CODES.get(commodity, commodity)
        path = names.get(account) or conversion(account, commodity)
        expected[path, code] = expected.get((path, code), Decimal(0)) + balance
    for key, surplus in ROUNDED.get(name, {}).items():
        expected[key] = expected.get(key, Decimal(0)) + surplus
    ours = found.balances
    if ASKED[name] != "hledger":
        # They know no such accounts: what is on these makes up for what is elsewhere.
        ours = {key: balance for key, balance in ours.items() if not key[0].startswith("equity:conversion:")}
    assert ours == {key: balance for key, balance in expected.items() if balance}


def conversion(account: str, commodity: str) -> str:
    """The path of an account of conversion that hledger calls by its own names of commodities."""
    assert account.startswith("equity:conversion:"), account
    pair = account.removeprefix("equity:conversion:").removesuffix(f":{commodity}")
    other = pair.removeprefix(f"{commodity}-").removesuffix(f"-{commodity}")
    codes = [CODES.get(each, each) for each in (commodity, other)]
    return f"equity:conversion:{'-'.join(sorted(codes))}:{codes[0]}"


@pytest.mark.parametrize("name", ASKED)
def test_the_installed_program_says_what_is_kept(name: str) -> None:
    require(ASKED[name])
    assert said_by_program(name) == kept(name)
