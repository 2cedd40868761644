"""What policies add for those who are limited to some accounts, and what refusals of it point at."""

import pytest

from application.ledger.change_account import ChangeAccount
from application.ledger.freeze_account import FreezeAccount
from application.ledger.place_hold import PlaceHold
from application.ledger.ports import Command
from application.ledger.post_transaction import PostTransaction
from application.ledger.resolve_holds import CaptureHold, ReleaseHold
from application.ledger.reverse_transactions import ReverseTransaction
from domain.ledger.account import FrozenAccount
from domain.ledger.hold import CaptureDraft, HoldDraft, ReleaseDraft
from domain.ledger.limit import InsufficientFunds, LimitDraft, LimitExceeded
from domain.ledger.policy import PolicyFailed
from domain.ledger.posted import ReversalDraft
from domain.ledger.transaction import TransactionDraft, TransferDraft
from domain.shared.access import Grant, Permission, Principal
from domain.shared.errors import DomainError, PermissionDenied
from domain.shared.patterns import Pattern
from tests.application.ledger.office import Office
from tests.application.ledger.policed import Fee, post, under
from tests.builders import credit, debit, hold_id, transaction_id

USER, SHOP, FEES = "liabilities:user", "liabilities:shop", "income:fees"
PAY = (USER, SHOP)


def limited(*accounts: str) -> Principal:
    return Principal(1, "key_limited", (Grant(frozenset(Permission), None, tuple(map(Pattern, accounts))),))


TELLER, TELLER_OF_FEES = limited("liabilities:*"), limited("liabilities:*", FEES)


def hold() -> PlaceHold:
    return PlaceHold(HoldDraft(hold_id(), (debit(USER, "1.00"), credit(SHOP, "1.00"))))


@pytest.fixture
async def wallets(office: Office) -> Office:
    await office.submit(post("10.00", ("assets:bank", USER)))
    return office


async def denied(office: Office, command: Command) -> None:
    with pytest.raises(PermissionDenied) as refusal:
        await office.submit(command, by=TELLER)
    with pytest.raises(PermissionDenied):
        await office.journal.try_out(TELLER, "main", command)
    assert "without an account that this concerns." in refusal.value.detail
    assert FEES not in refusal.value.detail
    assert not refusal.value.blames


async def test_what_is_added_beyond_a_limit_is_denied_and_not_told(wallets: Office) -> None:
    """Neither what is there, nor that it is frozen, nor what is wrong with what was added."""
    await wallets.submit(post("5.00", ("assets:bank", FEES)))
    for fee in (Fee(), Fee(amount="all"), Fee(amount="0.301"), Fee(counter="nowhere")):
        under(wallets, fee)
        before = wallets.sequence()
        await denied(wallets, post("1.00", PAY))
        await denied(wallets, hold())
        assert wallets.sequence() == before
    under(wallets)
    await wallets.submit(ChangeAccount(FEES, None, limits=(LimitDraft("EUR", None, "5.00"),)))
    under(wallets, Fee())
    await denied(wallets, post("1.00", PAY))
    under(wallets)
    await wallets.submit(FreezeAccount(FEES, "why"))
    under(wallets, Fee())
    await denied(wallets, post("1.00", PAY))


async def test_who_reaches_what_is_added_keeps_hold_of_what_was_placed(wallets: Office) -> None:
    under(wallets, Fee())
    for_capture, for_release = hold(), hold()
    for command in (for_capture, for_release):
        await wallets.submit(command, by=TELLER_OF_FEES)
    captured = CaptureDraft(transaction_id(), for_capture.draft.id)
    await wallets.submit(CaptureHold(captured), by=TELLER_OF_FEES)
    await wallets.submit(ReverseTransaction(ReversalDraft(transaction_id(), captured.id)), by=TELLER_OF_FEES)
    await wallets.submit(ReleaseHold(ReleaseDraft(for_release.draft.id)), by=TELLER_OF_FEES)


async def test_one_limit_says_nothing_of_who_posts_beside_it(wallets: Office) -> None:
    under(wallets, Fee())
    denied_one = wallets.journal.enqueue(TELLER, "main", post("1.00", PAY), request_id="req_1")
    other = wallets.post(post("1.00", PAY).draft)
    with pytest.raises(PermissionDenied):
        await denied_one
    assert (await other).applied
    # Where nothing is added, nothing more is reached.
    under(wallets, Fee(amount="0.30", counter=SHOP))
    await wallets.submit(post("1.00", PAY), by=TELLER)


async def refusal_of(office: Office, command: Command) -> DomainError:
    with pytest.raises(DomainError) as refusal:
        await office.submit(command)
    return refusal.value


async def test_a_refusal_points_at_no_entry_that_the_request_does_not_have(wallets: Office) -> None:
    transfer = PostTransaction(
        TransactionDraft(transaction_id(), (), transfer=TransferDraft(USER, "liabilities:other", "1.00", "EUR"))
    )
    await wallets.submit(post("5.00", ("assets:bank", FEES)))
    await wallets.submit(ChangeAccount(FEES, None, limits=(LimitDraft("EUR", None, "5.00"),)))
    under(wallets, Fee())
    for command in (post("1.00", PAY), hold(), transfer):
        refusal = await refusal_of(wallets, command)
        assert isinstance(refusal, LimitExceeded)
        assert not refusal.blames
    # Of what it asked for itself, it is told as ever: 0.30 more than 10.00.
    under(wallets)
    await wallets.submit(ChangeAccount(FEES, None, limits=()))
    await wallets.submit(ChangeAccount(USER, None, limits=(LimitDraft("EUR", "0", None),)))
    under(wallets, Fee())
    refusal = await refusal_of(wallets, post("20.00", PAY))
    assert isinstance(refusal, InsufficientFunds)
    assert [blame.pointer for blame in refusal.blames] == ["/entries/0/amount"]
    under(wallets)
    await wallets.submit(FreezeAccount(FEES, "why"))
    under(wallets, Fee())
    refusal = await refusal_of(wallets, post("1.00", PAY))
    assert isinstance(refusal, FrozenAccount)
    assert not refusal.blames


async def test_a_limit_does_not_hide_who_is_to_blame_for_nonsense(wallets: Office) -> None:
    under(wallets, Fee(counter=7))  # type: ignore[arg-type] # which is what is tried
    with pytest.raises(PolicyFailed):
        await wallets.submit(post("1.00", PAY), by=TELLER)
