"""Conditions: what a transaction asserts of the books before it is posted."""

from domain.ledger.account import AccountType
from domain.ledger.asset import Asset, format_amount, parse_signed_amount
from domain.ledger.book import Book
from domain.ledger.hold import HoldDraft
from domain.ledger.transaction import ConditionFailed, EntryDraft, TransactionDraft


def check_condition(
    book: Book, asked: EntryDraft, asset: Asset, type_to_open: AccountType | None, *, pointer: str
) -> None:
    """Return if the posted balance of the entry's account is as the entry asserts; else raise `ConditionFailed`.

    An account that the transaction would open has nothing. Raises `ValidationFailed`, `TooManyDecimals` for amounts of
    the wrong form.
    """
    condition = asked.condition
    assert condition is not None
    account_type = type_to_open or book.accounts[asked.account].type
    balance = book.balance(asked.account, asset.code)
    posted = balance.posted(account_type)
    for name, text in (
        ("balance_at_least", condition.at_least),
        ("balance_at_most", condition.at_most),
        ("balance_exactly", condition.exactly),
    ):
        if text is None:
            continue
        bound = parse_signed_amount(text, asset, pointer=f"{pointer}/{name}")
        is_met = {
            "balance_at_least": posted >= bound,
            "balance_at_most": posted <= bound,
            "balance_exactly": posted == bound,
        }[name]
        if not is_met:
            shown, wanted = format_amount(posted, asset.scale), format_amount(bound, asset.scale)
            raise ConditionFailed(
                f"{asked.account} has a balance of {shown} {asset.code}; {name} asks for {wanted}.",
                pointer=f"{pointer}/{name}",
                facts={"account": asked.account, "asset": asset.code, "balance": shown, "condition": name},
            )
    version = condition.balance_version
    if version is not None and balance.version != version:
        raise ConditionFailed(
            f"The balance of {asked.account} in {asset.code} is at version {balance.version}, not {version}.",
            pointer=f"{pointer}/balance_version",
            facts={"account": asked.account, "asset": asset.code, "condition": "balance_version"},
        )


def check_based_on(book: Book, draft: TransactionDraft | HoldDraft) -> None:
    """Return if no balance that the draft touches changed after the sequence it is based on.

    Raises `ConditionFailed`.
    """
    based_on = draft.based_on
    assert based_on is not None
    if based_on > book.sequence:
        raise ConditionFailed(
            f"The ledger is at sequence {book.sequence}; it has not come to {based_on} yet.", pointer="/based_on"
        )
    for path, code in draft.touches():
        changed = max(book.balance(path, code).sequence, book.held_on(path, code).sequence)
        if changed > based_on:
            raise ConditionFailed(
                f"The balance of {path} in {code} changed at sequence {changed}, after {based_on}.",
                pointer="/based_on",
                facts={"account": path, "asset": code, "condition": "based_on"},
            )
