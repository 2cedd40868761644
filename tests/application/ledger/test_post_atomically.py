import pytest

from application.ledger.post_atomically import PostAtomically
from application.ledger.post_transaction import PostTransaction
from domain.ledger.account import EntryAccountNotFound
from domain.ledger.asset import TooManyDecimals
from domain.ledger.balance import Balance
from domain.ledger.transaction import DuplicateReference, TransactionDraft, UnbalancedTransaction
from domain.shared.errors import ErrorKind
from tests.application.ledger.office import MAIN, Office, done, refused
from tests.builders import credit, debit, draft, payment

UNBALANCED = draft(debit("assets:bank", "1.00"), credit("income:sales", "2.00"))
NOWHERE = payment(credit_to="nowhere")


async def test_all_transactions_are_posted_in_order(office: Office) -> None:
    outcome = await office.submit(PostAtomically((payment("1.00"), payment("2.00"), payment("4.00"))))
    assert [applied.lines[0].balance for applied in outcome.applied if applied.lines] == [
        Balance(100, 0, 1),
        Balance(300, 0, 2),
        Balance(700, 0, 3),
    ]
    assert outcome.sequence == office.sequence() == 7
    assert office.group_sizes() == [1]


async def test_a_later_transaction_sees_what_an_earlier_one_opened(office: Office) -> None:
    outcome = await office.submit(PostAtomically((payment(asset="JPY", amount="5"), payment(asset="JPY", amount="6"))))
    assert [applied.event.type for applied in outcome.applied] == [
        "asset.registered",
        "account.opened",
        "account.opened",
        "transaction.posted",
        "transaction.posted",
    ]


async def test_nothing_is_posted_if_one_is_refused_and_every_refused_one_is_blamed(office: Office) -> None:
    log = office.kept.log(MAIN)
    drafts = (payment(), UNBALANCED, payment(), NOWHERE, payment("0.001"))
    with pytest.raises(UnbalancedTransaction) as refusal:
        await office.submit(PostAtomically(drafts))
    assert [blame.pointer for blame in refusal.value.blames] == [
        "/transactions/1/entries",
        "/transactions/3/entries/1/account",
        "/transactions/4/entries/0/amount",
    ]
    assert "3 of the transactions" in refusal.value.detail
    assert "index 1" in refusal.value.detail
    assert office.kept.log(MAIN) == log
    assert office.group_sizes() == []


@pytest.mark.parametrize(
    ("drafts", "refusal", "kind"),
    [
        ((payment(), NOWHERE, UNBALANCED), EntryAccountNotFound, ErrorKind.REFUSED),
        ((payment("0.001"), UNBALANCED), TooManyDecimals, ErrorKind.REFUSED),
        ((payment(reference="r"), payment(reference="r")), DuplicateReference, ErrorKind.CONFLICT),
    ],
)
async def test_it_is_refused_as_the_first_refused_transaction_is(
    office: Office, drafts: tuple[TransactionDraft, ...], refusal: type[Exception], kind: ErrorKind
) -> None:
    with pytest.raises(refusal) as refused_with:
        await office.submit(PostAtomically(drafts))
    assert type(refused_with.value) is refusal
    assert refused_with.value.kind is kind  # type: ignore[attr-defined]  # every refusal has one


async def test_a_reference_may_be_used_once_among_them(office: Office) -> None:
    with pytest.raises(DuplicateReference) as refusal:
        await office.submit(PostAtomically((payment(reference="r", id="txn_a"), payment(), payment(reference="r"))))
    assert [blame.pointer for blame in refusal.value.blames] == ["/transactions/2/reference"]
    assert "txn_a" in refusal.value.detail


async def test_a_refused_bulk_leaves_its_references_to_its_neighbours(office: Office) -> None:
    answers = await office.submit_together(
        PostAtomically((payment("1.00", reference="r"), UNBALANCED)),
        PostTransaction(payment("2.00", reference="r")),
        PostAtomically((payment("4.00"), payment("8.00"))),
    )
    refused(answers[0], UnbalancedTransaction)
    done(answers[1])
    done(answers[2])
    assert office.group_sizes() == [2]
    assert await office.balance("assets:bank") == Balance(1_400, 0, 3)


def test_its_size_is_the_entries_of_all() -> None:
    assert PostAtomically((payment(), draft(*payment().entries, *payment().entries))).size == 6
    assert PostAtomically(()).size == 0


async def test_no_transactions_change_nothing(office: Office) -> None:
    outcome = await office.submit(PostAtomically(()))
    assert (outcome.applied, outcome.sequence) == ((), None)
