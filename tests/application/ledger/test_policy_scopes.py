"""What policies say that they must see: whatever it is, those who post are not to blame."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pytest

from application.ledger.open_account import OpenAccount
from application.ledger.place_hold import PlaceHold
from domain.ledger.hold import HoldDraft
from domain.ledger.policy import PolicyFailed
from domain.ledger.scope import Scope
from domain.shared.errors import DomainError, ErrorKind
from tests.application.ledger.office import Office, refused
from tests.application.ledger.policed import AtMostHundred, Raising, answer_of, post, under
from tests.builders import NOW, credit, debit, hold_id


class Particular(DomainError):
    """It is refused in a way of its own."""

    code = "particular-for-the-tests"
    kind = ErrorKind.REFUSED
    title = "Particular"

    def __init__(self, account: str, *, amount: int) -> None:
        super().__init__(f"{account} is not to have {amount}.")
        self.account = account


async def test_what_it_refuses_with_while_it_says_what_it_must_see_is_what_is_told(office: Office) -> None:
    def refuse() -> None:
        raise Particular("assets:bank", amount=1)

    under(office, Raising("scope", refuse))
    one, other = await office.post_together(post("1.00").draft, post("2.00").draft)
    told = refused(one, Particular)
    assert (told.detail, told.account) == ("assets:bank is not to have 1.", "assets:bank")
    assert refused(other, Particular) is not told


def _endless(of: object = None) -> Iterator[Any]:
    yield from repeat(of)


def _lazy() -> Iterator[str]:
    yield "assets:bank"
    raise ZeroDivisionError("a bug of theirs")


@pytest.mark.parametrize(
    "scope",
    [
        Scope(balances=[None]),  # type: ignore[list-item] # here and below, that is what is tried
        Scope(balances=[("income:fees",)]),  # type: ignore[list-item] # likewise
        Scope(balances=[("income:fees", ["EUR"])]),  # type: ignore[list-item] # likewise
        Scope(accounts=[["income:fees"]]),  # type: ignore[list-item] # likewise
        Scope(accounts="income:fees"),
        Scope(accounts=_lazy()),
        Scope(accounts=_endless("income:fees")),
        Scope(holds=[7]),  # type: ignore[list-item] # likewise
        Scope(results=["2026"]),  # type: ignore[list-item] # likewise
        Scope(results=[NOW.replace(tzinfo=None)]),
        Scope(references=None),  # type: ignore[arg-type] # likewise
        Scope(unsettled="yes"),  # type: ignore[arg-type] # likewise
    ],
    ids=[
        "a balance of nothing",
        "a balance without an asset",
        "a list for an asset",
        "a list for an account",
        "one account for several",
        "one that raises",
        "one without an end",
        "a number for a hold",
        "a text for a time",
        "a time of no zone",
        "none for several",
        "a text for a yes",
    ],
)
async def test_a_scope_that_is_none_refuses_by_its_name(
    office: Office, scope: Scope, caplog: pytest.LogCaptureFixture
) -> None:
    under(office, Raising("scope", lambda: scope))
    for answer in await office.post_together(post("1.00").draft, post("2.00").draft):
        assert refused(answer, PolicyFailed).facts == {"extension": "p0"}
    assert "the extension p0 failed in its posting policy" in caplog.text
    await office.submit(OpenAccount("assets:till"))


async def test_who_posts_is_not_blamed_for_how_much_it_wants_to_see(office: Office) -> None:
    entries = [credit("income:sales", "0.01"), debit("assets:bank", "0.01")] * 2_500
    ids = []
    for _ in range(11):
        placed = PlaceHold(HoldDraft(hold_id(), tuple(entries)))
        ids.append(placed.draft.id)
        await office.submit(placed)
    under(office, AtMostHundred(), Raising("scope", lambda: Scope(holds=ids)))
    refusal = refused(await answer_of(office, post("1.00")), PolicyFailed)
    assert refusal.facts == {"extension": "p1"}
    assert "too many entries" in refusal.detail
    under(office, Raising("scope", lambda: Scope(holds=ids[:10])))
    await office.submit(post("1.00"))
