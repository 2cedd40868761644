"""A ticket stands for a credential once, for half a minute, and whoever reads what is stored learns nothing."""

import secrets
from datetime import datetime, timedelta

import pytest

from adapters.memory import ManualClock
from adapters.security.sealing import ChaChaSealing
from application.identity import tickets
from application.identity.tickets import Tickets
from domain.shared.access import Principal
from domain.shared.errors import NotAuthenticated, Overloaded

KEY = "ptk_7_" + "k" * 38
WHO = Principal(7, "key_1")


class Shelf:
    """Tickets in memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[int, bytes], tuple[bytes, datetime]] = {}

    async def add(self, organisation_id: int, digest: bytes, sealed: bytes, expires_at: datetime) -> None:
        self.rows[organisation_id, digest] = (sealed, expires_at)

    async def remove_expired(self, organisation_id: int, now: datetime) -> int:
        self.rows = {name: row for name, row in self.rows.items() if name[0] != organisation_id or row[1] > now}
        return sum(name[0] == organisation_id for name in self.rows)

    async def take(self, organisation_id: int, digest: bytes, now: datetime) -> bytes | None:
        sealed, expires_at = self.rows.pop((organisation_id, digest), (None, now))
        return sealed if expires_at > now else None


class Dice:
    """Random bytes."""

    def random_bytes(self, count: int) -> bytes:
        return secrets.token_bytes(count)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def desk(shelf: Shelf, clock: ManualClock) -> Tickets:
    return Tickets(shelf, ChaChaSealing(b"s" * 32), clock, Dice())


async def test_it_is_taken_once(desk: Tickets, clock: ManualClock) -> None:
    text, expires_at = await desk.issue(WHO, KEY)
    assert expires_at == clock.now() + timedelta(seconds=30)
    assert await desk.redeem(text) == KEY
    with pytest.raises(NotAuthenticated, match="used already"):
        await desk.redeem(text)


async def test_it_lives_for_half_a_minute(desk: Tickets, clock: ManualClock) -> None:
    early, late = [(await desk.issue(WHO, KEY))[0] for _ in range(2)]
    clock.advance(timedelta(seconds=29))
    assert await desk.redeem(early) == KEY
    clock.advance(timedelta(seconds=1))
    with pytest.raises(NotAuthenticated, match="30 seconds are over"):
        await desk.redeem(late)


async def test_nothing_that_is_stored_shows_the_credential_or_the_ticket(desk: Tickets, shelf: Shelf) -> None:
    text, _ = await desk.issue(WHO, KEY)
    (((organisation_id, digest), (sealed, _)),) = shelf.rows.items()
    assert organisation_id == 7
    for secret in (KEY.encode(), text.encode()):
        assert secret not in sealed + digest


async def test_what_is_stored_opens_with_its_own_ticket_alone(desk: Tickets, shelf: Shelf) -> None:
    one, other = [(await desk.issue(WHO, KEY))[0] for _ in range(2)]
    first, second = shelf.rows
    shelf.rows[first], shelf.rows[second] = shelf.rows[second], shelf.rows[first]
    for text in (one, other):
        with pytest.raises(NotAuthenticated):
            await desk.redeem(text)


@pytest.mark.parametrize("text", ["", "x", KEY, "ptt_7_" + "0" * 38, "ptt_8_"])
async def test_what_was_never_made_is_no_ticket(desk: Tickets, text: str) -> None:
    with pytest.raises(NotAuthenticated):
        await desk.redeem(text)


async def test_an_organisation_has_so_many_and_those_that_have_expired_do_not_count(
    desk: Tickets, clock: ManualClock, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tickets, "TICKETS_MAX", 2)
    for _ in range(2):
        await desk.issue(WHO, KEY)
    with pytest.raises(Overloaded):
        await desk.issue(WHO, KEY)
    await desk.issue(Principal(8, "key_2"), KEY)
    clock.advance(timedelta(seconds=30))
    await desk.issue(WHO, KEY)
    assert sum(number == 7 for number, _ in shelf.rows) == 1
