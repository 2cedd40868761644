"""Posting policies: asked whichever way entries come into the books, and refusing where they cannot be."""

import logging
import sys
import time
from datetime import timedelta
from itertools import repeat

import pytest

from application.ledger import group
from application.ledger.change_account import ChangeAccount
from application.ledger.close_period import ClosePeriod
from application.ledger.journal import Journal
from application.ledger.place_hold import PlaceHold
from application.ledger.policies import RefusingPolicy, failed
from application.ledger.ports import Command
from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from application.ledger.resolve_holds import CaptureHold, ReleaseHold
from application.ledger.reverse_transactions import ReverseTransaction
from domain.ledger.closing import ClosingDraft
from domain.ledger.events import HoldPlaced, TransactionPosted
from domain.ledger.hold import CaptureDraft, HoldDraft, ReleaseDraft
from domain.ledger.limit import InsufficientFunds, LimitDraft
from domain.ledger.policy import BooksSeen, PolicyFailed, PolicyInForce, PostingPolicy, Proposal, Way
from domain.ledger.posted import ReversalDraft
from domain.ledger.transaction import TransactionDraft, TransferDraft
from tests.application.ledger.office import Office, done, refused
from tests.application.ledger.policed import (
    AtMostHundred,
    Fee,
    Raising,
    TooMuch,
    answer_of,
    bug,
    cancel,
    hold,
    panic,
    post,
    under,
)
from tests.builders import NOW, principal


async def test_it_refuses_with_its_own_code_whichever_way_entries_come(office: Office) -> None:
    """Postings, many at once, transfers, holds and closings; 100.00 is still allowed."""
    policy = AtMostHundred()
    under(office, policy)
    month = NOW.replace(day=1, hour=0)
    for amount in ("100.00", "0.01"):  # together they are too much to be closed at once
        await office.submit(post(amount, effective_at=month - timedelta(days=3)))
    too_much = post("100.01").draft
    transfer = TransactionDraft("txn_t", (), transfer=TransferDraft("assets:bank", "assets:till", "100.01", "EUR"))
    closing = ClosingDraft("prd_1", month.date(), month, "", "equity:result", ("txn_c",))
    commands: list[Command] = [
        PostTransaction(too_much),
        PostTransaction(transfer),
        PostAtomically((post("1.00").draft, too_much)),
        hold("hold_1", "100.01"),
        ClosePeriod(closing),
    ]
    before = office.sequence()
    for command in commands:
        with pytest.raises(TooMuch):
            await office.submit(command)
        with pytest.raises(TooMuch):
            await office.submit(command, is_bulk=True)
        with pytest.raises(TooMuch):
            await office.journal.try_out(principal(), "main", command)
    assert office.sequence() == before
    assert set(policy.asked) == {Way.POSTING, Way.HOLD, Way.CLOSING}


async def test_it_is_asked_of_captures_and_reversals_of_what_was_there_before_it(office: Office) -> None:
    posted = done(await office.submit(post("500.00")))
    await office.submit(hold("hold_1", "500.00"))
    policy = AtMostHundred()
    under(office, policy)
    transaction = _transaction(posted.applied[-1].event).id
    capture, reversal = CaptureDraft("txn_2", "hold_1"), ReversalDraft("txn_3", transaction)
    commands: list[Command] = [CaptureHold(capture), ReverseTransaction(reversal)]
    for command in commands:
        with pytest.raises(TooMuch):
            await office.submit(command)
    forced = ReverseTransaction(reversal, is_forced=True)
    with pytest.raises(TooMuch):
        await office.submit(forced)
    assert policy.asked == [Way.CAPTURE, Way.REVERSAL, Way.REVERSAL]
    await office.submit(ReleaseHold(ReleaseDraft("hold_1")))  # which posts nothing


async def test_what_it_adds_is_part_of_the_transaction(office: Office) -> None:
    fee = Fee()
    under(office, fee)
    topped_up = ("assets:bank", "liabilities:users:1")
    event = _transaction(done(await office.submit(post("10.00", topped_up))).applied[-1].event)
    assert [(each.account, each.signed) for each in event.entries] == [
        ("assets:bank", 1_000),
        ("liabilities:users:1", -1_000),
        ("liabilities:users:1", 30),
        ("income:fees", -30),
    ]
    assert (await office.balance("income:fees")).posted_credits == 30
    # The books that it sees are those that the postings before it have left, in one command too.
    await office.submit(PostAtomically((post("1.00", topped_up).draft, post("2.00", topped_up).draft)))
    assert fee.seen == [("income:fees", 0), ("income:fees", 30), ("income:fees", 60)]
    await office.submit(post("5.00"))  # no user has a part in it
    assert (await office.balance("income:fees")).posted_credits == 90


async def test_what_it_adds_goes_through_the_rules_with_the_rest(office: Office) -> None:
    await office.submit(post("10.00", ("assets:bank", "liabilities:users:1")))
    await office.submit(ChangeAccount("liabilities:users:1", None, limits=(LimitDraft("EUR", "0", None),)))
    under(office, Fee())
    pay = ("liabilities:users:1", "income:sales")
    with pytest.raises(InsufficientFunds) as refusal:
        await office.submit(post("10.00", pay))  # and 0.30 for the fee
    assert refusal.value.facts["asked"] == "10.30"
    await office.submit(post("9.70", pay))
    assert (await office.balance("liabilities:users:1")).posted_debits == 1_000


async def test_what_is_added_to_a_hold_is_held_and_captured_with_it(office: Office) -> None:
    await office.submit(post("10.00", ("assets:bank", "liabilities:users:1")))
    under(office, Fee())
    entries = post("4.00", ("liabilities:users:1", "income:sales")).draft.entries
    placed = done(await office.submit(PlaceHold(HoldDraft("hold_1", entries)))).applied[-1].event
    assert isinstance(placed, HoldPlaced)
    assert [each.amount for each in placed.entries] == [400, 400, 30, 30]
    await office.submit(CaptureHold(CaptureDraft("txn_2", "hold_1")))
    assert (await office.balance("income:fees")).posted_credits == 30


async def test_those_that_check_see_what_others_add(office: Office) -> None:
    under(office, AtMostHundred(), Fee(amount="101.00"))
    with pytest.raises(TooMuch):
        await office.submit(post("1.00", ("assets:bank", "liabilities:users:1")))


@pytest.mark.parametrize(
    ("fee", "why"),
    [
        (Fee(amount="0.301"), "3 digits"),
        (Fee(counter="no-type-by-the-chart"), "no-type-by-the-chart"),
        (Fee(amount="-1"), "amount"),
        (Fee(amount=7), "entries that cannot be posted"),  # type: ignore[arg-type] # which is what is tried
    ],
)
async def test_who_posts_is_not_blamed_for_what_it_adds_wrongly(
    office: Office, fee: Fee, why: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group._policies, "_told_at", None)  # as in a process that has told of nothing yet
    under(office, fee)
    refusal = refused(await answer_of(office, post("1.00", ("assets:bank", "liabilities:users:1"))), PolicyFailed)
    assert why in refusal.detail
    assert refusal.facts == {"extension": "p0"}
    assert not refusal.blames
    assert "postings are refused, as an extension cannot be asked" in caplog.text
    assert "The extension p0 adds entries that cannot be posted" in caplog.text


@pytest.mark.parametrize("method", ["scope", "added", "check"])
async def test_one_that_raises_refuses_and_is_named_once(
    office: Office, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    under(office, Raising(method, bug))
    for answer in await office.post_together(*[post("1.00").draft for _ in range(3)]):
        assert refused(answer, PolicyFailed).facts == {"extension": "p0"}
    said = [
        each.getMessage()
        for each in caplog.records
        if (each.name, each.levelno) == ("partita.extensions", logging.ERROR)
    ]
    assert said == ["the extension p0 failed in its posting policy"]
    assert "a bug of theirs" in caplog.text
    assert office.sequence() == 1


@pytest.mark.parametrize(
    ("method", "nonsense"),
    [
        ("scope", None),
        ("scope", panic),
        ("added", [None]),
        ("added", 7),
        ("added", repeat(None)),
        ("added", panic),
        ("check", sys.exit),
        ("check", cancel),
    ],
)
async def test_one_that_returns_nonsense_refuses(office: Office, method: str, nonsense: object) -> None:
    under(office, Raising(method, lambda: nonsense() if callable(nonsense) else nonsense))
    refused(await answer_of(office, post("1.00")), PolicyFailed)


async def test_nothing_is_added_to_what_a_hold_has_reserved(office: Office) -> None:
    await office.submit(hold("hold_1", "1.00"))
    under(office, Raising("added", bug))
    await office.submit(CaptureHold(CaptureDraft("txn_2", "hold_1")))


async def test_one_that_is_not_there_refuses_everything_posted_and_nothing_else(office: Office) -> None:
    await office.submit(hold("hold_1", "1.00"))
    absent = RefusingPolicy(failed("limits", "is not loaded"))
    in_force = [PolicyInForce("limits", absent)]
    office.journal = Journal(office.books, office.clock, office.ids, policies=in_force)
    assert refused(await answer_of(office, post("1.00")), PolicyFailed).facts == {"extension": "limits"}
    await office.submit(ReleaseHold(ReleaseDraft("hold_1")))


async def test_a_slow_one_is_named_in_the_log_once(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    under(office, Raising("check", lambda: time.sleep(0.03)))
    for _ in range(3):
        await office.submit(post("1.00"))
    said = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert len(said) == 1
    assert said[0].startswith("the extension p0 took")


async def test_it_sees_what_it_has_named_and_no_more(office: Office) -> None:
    """The store in memory loads no more than scopes name, as PostgreSQL does."""
    await office.submit(post("1.00", ("assets:till", "income:fees")))
    seen = []

    class Looking(PostingPolicy):
        def check(self, proposal: Proposal, books: BooksSeen) -> None:
            fees, till = books.balance("income:fees", "EUR"), books.balance("assets:till", "EUR")
            seen.append((fees.posted_credits, till.posted_debits))

    under(office, Fee(), Looking())
    await office.submit(post("1.00"))
    assert seen == [(100, 0)]


def _transaction(event: object) -> TransactionPosted:
    assert isinstance(event, TransactionPosted)
    return event
