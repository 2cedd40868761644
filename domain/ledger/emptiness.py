"""Emptiness: whether anything is posted or held, which forbids that an account or a ledger is archived."""

from domain.ledger.asset import format_amount
from domain.ledger.book import Book
from domain.ledger.held import NOTHING_HELD
from domain.ledger.scope import AccountAsset


def nonzero(book: Book) -> list[AccountAsset]:
    """Return on which accounts, in which assets, something is posted or held."""
    posted = [key for key, balance in book.balances.items() if balance.posted_debits != balance.posted_credits]
    return posted + [key for key, held in book.held.items() if held != NOTHING_HELD]


def shown_remainder(book: Book, key: AccountAsset) -> tuple[str, dict[str, str]]:
    """Return a sentence for people on what is on the account in the asset, and the facts for programs."""
    path, code = key
    account, scale = book.account(path), book.assets[code].scale
    held = book.held_on(path, code)
    facts = {
        "account": path,
        "asset": code,
        "balance": format_amount(book.balance(path, code).posted(account.type), scale),
        "held_debits": format_amount(held.debits, scale),
        "held_credits": format_amount(held.credits, scale),
    }
    detail = (
        f"{path} has a balance of {facts['balance']} {code}; {facts['held_debits']} of debits and "
        f"{facts['held_credits']} of credits are held."
    )
    return detail, facts
