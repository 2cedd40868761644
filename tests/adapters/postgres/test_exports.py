"""A ledger that was in use, exported while it goes on; and moved: its log is imported into another organisation."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from io import BytesIO

import pytest

from application.interchange.export_ledger import export_ledger, last_sequence
from application.interchange.hledger_journal import HledgerJournal
from application.interchange.import_log import import_log
from application.interchange.log_file import LogFile
from application.ledger.event_lines import event_line
from application.ledger.log import always
from application.ledger.post_transaction import PostTransaction
from application.ledger.readers import StoredEvent
from application.ledger.spans import AsOf
from application.ledger.verification import verify_ledger, verify_organisation
from domain.ledger.account import AccountType
from domain.ledger.events import AccountOpened, AssetRegistered, Event, LedgerCreated, TransactionPosted
from domain.ledger.ledger import LedgerExists
from domain.ledger.transaction import DuplicateReference
from domain.shared.access import Grant, Permission, Principal
from domain.shared.chain import ChainBroken, Head, record
from domain.shared.errors import PermissionDenied
from tests.adapters.postgres.reading import LedgerWork
from tests.adapters.postgres.used_ledger import CLOCK, IDS, Office, fee, use
from tests.application.interchange.written import read_journal
from tests.builders import AUTHOR, EUR, NOW, credited, debited, payment, transaction_id

NewOffice = Callable[[], Awaitable[Office]]

EVERYTHING_OF_A_LEDGER = (
    *("event_log", "request_origins", "idempotency_keys", "agenda", "ledgers", "ledger_settings", "accounts"),
    *("transactions", "entries", "holds", "metadata_values"),
)


@pytest.fixture(scope="module")
async def office(new_office: NewOffice) -> Office:
    """Where the ledger is that is moved."""
    office = await new_office()
    await use(office)
    return office


@pytest.fixture
async def there(new_office: NewOffice) -> Office:
    """Another organisation of the same database, and the ledger that is moved to it."""
    return replace(await new_office(), slug="moved")


async def exported(work: LedgerWork, office: Office) -> bytes:
    until = await last_sequence(work, office.principal, office.slug)
    parts = export_ledger(work, always(office.principal), office.slug, LogFile(), until=until)
    return b"".join([part async for part in parts])


async def brought(work: LedgerWork, principal: Principal, data: bytes, slug: str = "moved") -> Head:
    return await import_log(work, CLOCK, IDS, principal, BytesIO(data), slug=slug, request_id="req_2")


async def rows_of(office: Office) -> dict[str, int]:
    """How many rows the organisation has in each table that ledgers are in."""
    return {
        table: await office.superuser.fetchval(
            f"SELECT count(*) FROM {table} WHERE organisation_id = $1",  # noqa: S608 # of the names above
            office.principal.organisation_id,
        )
        for table in EVERYTHING_OF_A_LEDGER
    }


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 1.0])
async def test_balances_are_stated_as_of_the_last_event_however_many_come_meanwhile(
    office: Office, work: LedgerWork, share: float
) -> None:
    until = round(share * await last_sequence(work, office.principal, "main"))
    parts = export_ledger(work, always(office.principal), "main", HledgerJournal(), until=until)
    text = await anext(parts)
    await office.do(fee(1))
    text += b"".join([part async for part in parts])
    async with work.read(office.principal, Permission.REPORTS_READ) as reads:
        balances = (await reads.reports.trial_balance("main", as_of=AsOf(None, until))).lines
    stated = re.findall(r'^    (\S+)  0 "(\S+)" = (\S+) "', text.decode(), flags=re.MULTILINE)
    assert {(account, asset): Decimal(amount) for account, asset, amount in stated} == {
        (line.path, line.asset.code): Decimal(line.balance.posted_debits - line.balance.posted_credits).scaleb(
            -line.asset.scale
        )
        for line in balances
    }
    assert read_journal(text.decode())


async def test_a_moved_ledger_has_the_same_events_and_all_that_follows_from_them(
    office: Office, there: Office, work: LedgerWork
) -> None:
    data, before = await exported(work, office), await rows_of(there)
    head = await brought(work, there.principal, data)

    found = await verify_ledger(work, there.principal, "moved")
    assert found.valid
    assert found.head == head == (await verify_ledger(work, office.principal, "main")).head
    assert await exported(work, there) == data
    assert (await there.rebuild()).differences == ()
    balances = []
    for each in (office, there):
        async with work.read(each.principal, Permission.REPORTS_READ) as reads:
            balances.append(await reads.reports.trial_balance(each.slug, as_of=AsOf()))
    assert balances[0] == balances[1]
    assert len(balances[0].lines) > 5
    after = await rows_of(there)
    # Its open hold expires there, too. Keys, and who asked from where, stay behind.
    assert (after["agenda"], after["holds"]) == (1, 4)
    assert after["idempotency_keys"] == 0
    assert after["request_origins"] == before["request_origins"]


async def test_a_moved_ledger_goes_on_where_it_was(office: Office, there: Office, work: LedgerWork) -> None:
    head = await brought(work, there.principal, await exported(work, office))
    assert (await there.do(fee(3))).sequence == head.sequence + 1
    with pytest.raises(DuplicateReference):
        await there.do(PostTransaction(payment(reference="sale-3")))
    assert (await verify_ledger(work, there.principal, "moved")).valid
    assert (await there.rebuild()).differences == ()


async def test_the_organisation_s_log_tells_of_the_import(office: Office, there: Office, work: LedgerWork) -> None:
    head = await brought(work, there.principal, await exported(work, office))
    async with work.read(there.principal, Permission.EVENTS_READ) as reads:
        last = (await reads.events.organisation_events(after=0, limit=100))[-1]
    assert b'"type":"ledger.imported"' in last.content
    assert f'"hash":"{head.hash.hex()}","sequence":{head.sequence},"slug":"moved"'.encode() in last.content
    assert (await verify_organisation(work, there.principal)).valid


async def test_nothing_is_imported_where_the_ledger_exists(office: Office, work: LedgerWork) -> None:
    data = await exported(work, office)
    before = await rows_of(office)
    with pytest.raises(LedgerExists):
        await brought(work, office.principal, data, slug="untouched")
    assert await rows_of(office) == before


async def test_who_may_not_create_ledgers_imports_none(office: Office, work: LedgerWork) -> None:
    few = Principal(office.principal.organisation_id, "key_1", (Grant(frozenset({Permission.EVENTS_READ})),))
    with pytest.raises(PermissionDenied):
        await brought(work, few, await exported(work, office))


def a_log(events: Sequence[Event]) -> list[bytes]:
    """Lines of a log whose chain is whole, whatever it says."""
    head, lines = Head(), []
    for event in events:
        recorded = record(event, head, id=IDS.new("evt"), author=AUTHOR, recorded_at=NOW)
        head = recorded.head
        stored = StoredEvent(recorded.sequence, recorded.content, recorded.previous_hash, recorded.hash, NOW)
        lines.append(event_line(stored) + b"\n")
    return lines


OPENED: list[Event] = [
    LedgerCreated("Main", "UTC"),
    AssetRegistered("EUR", 2),
    AccountOpened("assets:bank", AccountType.ASSET),
    AccountOpened("income:sales", AccountType.INCOME),
]


def posted(debit: int, credit: int) -> TransactionPosted:
    entries = (debited("assets:bank", debit, EUR), credited("income:sales", credit, EUR))
    return TransactionPosted(transaction_id(), entries, NOW)


SOUND = [*OPENED, *[posted(5, 5) for _ in range(1_100)]]
LOG = a_log(SOUND)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"".join(LOG).replace(b"0.05", b"0.06"), "the hash is not that of"),
        (b"".join(LOG[1:]), "the event is missing"),
        (b"".join(LOG)[:-30], "the line cannot be read"),
        (b"", "the file holds none"),
        (b"".join(a_log([*SOUND, posted(5, 6)])), "Debits and credits|debits are 0.05 and credits 0.06"),
        (b"".join(a_log(OPENED[1:])), "does not create a ledger"),
        (b"".join(a_log([*SOUND, LedgerCreated("Again", "UTC")])), "does not fit the ones before it"),
        (b"".join(a_log([*OPENED, AccountOpened("a\n; b", AccountType.ASSET)])), "cannot name an account"),
    ],
    ids=["changed", "beheaded", "cut off", "empty", "unbalanced", "no ledger", "two ledgers", "odd path"],
)
async def test_of_what_is_no_whole_log_of_a_ledger_nothing_is_left(
    there: Office, work: LedgerWork, data: bytes, why: str
) -> None:
    before = await rows_of(there)
    with pytest.raises(ChainBroken, match=why):
        await brought(work, there.principal, data)
    assert await rows_of(there) == before


async def test_an_import_that_is_interrupted_leaves_nothing(there: Office, work: LedgerWork) -> None:
    before = await rows_of(there)

    def interrupt(done: int, total: int) -> None:
        assert (done, total) == (1_000, len(SOUND))
        raise KeyboardInterrupt

    file = BytesIO(b"".join(LOG))
    with pytest.raises(KeyboardInterrupt):
        await import_log(work, CLOCK, IDS, there.principal, file, slug="moved", request_id="req_2", progress=interrupt)
    assert await rows_of(there) == before
    assert (await brought(work, there.principal, b"".join(LOG))).sequence == len(SOUND)


async def test_a_log_from_the_future_is_refused(there: Office, work: LedgerWork) -> None:
    later = CLOCK.now() + timedelta(minutes=2)
    recorded = record(OPENED[0], Head(), id=IDS.new("evt"), author=AUTHOR, recorded_at=later)
    stored = StoredEvent(1, recorded.content, recorded.previous_hash, recorded.hash, later)
    with pytest.raises(ChainBroken, match="it is not that late yet"):
        await brought(work, there.principal, event_line(stored))
